"""The trash: listing it, taking memos back, and deleting them for good (docs/contract/trash.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries import trash as trash_queries
from aimo.db.queries.trash import TrashedMemo as TrashedRow
from aimo.db.queries.trash import TrashedText
from aimo.db.transaction import atomically
from aimo.dto.trash import TrashedMemo, TrashPage
from aimo.errors import AimoError, Code
from aimo.folding import fold, is_blank
from aimo.services.attachments.service import AttachmentService, RemovedFiles
from aimo.services.memos import change_log, tags
from aimo.services.memos.memo_presenter import MemoPresenter, View
from aimo.services.memos.name_keys import require_query
from aimo.services.memos.paging import PageRequest, fitting
from aimo.services.memos.possible_ids import require_possible_id
from aimo.services.sync import outbox as entries
from aimo.services.sync.outbox import OutboxEntry
from aimo.services.sync.service import SyncService
from aimo.threads import TEXTS

_SHOWN: Final = View(source=True)
_NOT_IN_TRASH: Final = "Memo is not in trash"

# Texts that are read and folded at once when the trash is searched, and memos deleted in one transaction.
_BATCH: Final = 100

# Beyond every trash.
_MOST: Final = 1_000_000_000


@dataclass(frozen=True)
class TrashFilter:
    """Which memos of the trash: when they were deleted (epoch milliseconds, inclusive), and what they contain."""

    keyword: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def range(self) -> tuple[int, int]:
        """The bounds of the time of deletion."""
        since = clock.within_range(self.since) if self.since is not None else 0
        return since, clock.within_range(self.until) if self.until is not None else clock.LATEST_MS


class TrashService:
    """Every change is one transaction, with the entries that bring it to LanceDB; files go after it."""

    def __init__(
        self, database: Database, views: MemoPresenter, attachments: AttachmentService, sync: SyncService
    ) -> None:
        self._database = database
        self._views = views
        self._attachments = attachments
        self._sync = sync

    async def page(self, uid: str, criteria: TrashFilter, *, newest_first: bool, request: PageRequest) -> TrashPage:
        """Return a page of the memos in the trash, in the order in which they were deleted."""
        require_query(criteria.keyword)
        since, until = criteria.range
        async with self._database.driver_connection() as connection:
            if is_blank(criteria.keyword):
                total = await trash_queries.count(connection, owner=uid, since=since, until=until)
                found = await trash_queries.page(
                    connection,
                    owner=uid,
                    since=since,
                    until=until,
                    newest_first=newest_first,
                    limit=request.size,
                    offset=request.offset,
                )
            else:
                matching = await _containing(connection, uid, criteria, newest_first=newest_first)
                total = len(matching)
                found = matching[request.offset : request.offset + request.size]
            memos = await self._present(connection, uid, found[: fitting(each.size for each in found)])
        described = request.describe(total)
        return TrashPage(
            list=memos,
            total=total,
            page=described.page,
            page_size=described.limit,
            # Negative for a negative limit in the lists that clients have known for long, never here.
            total_pages=described.total_pages if request.limit >= 1 else None,
        )

    async def restore(self, uid: str, memo_id: str) -> None:
        """Make a memo live again, where it was in every list: its times stay.

        Raises:
            AimoError: NOT_FOUND for an unknown memo, PARAMS_ERROR for one that is not in the trash.
        """
        require_possible_id(memo_id)

        async def work(connection: AsyncConnection) -> OutboxEntry:
            if not await trash_queries.for_update(connection, owner=uid, memo_ids=[memo_id], until=clock.LATEST_MS):
                raise await _refusal(connection, uid, memo_id)
            attached = await tag_queries.attached_ids(connection, owner=uid, memo_id=memo_id)
            await tags.recount(connection, uid, (), attached)
            await trash_queries.restore(connection, owner=uid, memo_id=memo_id)
            entry = await self._write_entry(connection, uid, memo_id)
            await change_log.record(connection, uid, [memo_id])
            return entry

        entry = await atomically(self._database, "trash.restore", work, user=uid, entity=memo_id)
        await self._sync.wait_until_applied([entry])

    async def delete(self, uid: str, memo_id: str) -> None:
        """Remove a memo in the trash for good, with those of its files that no other memo lists.

        Raises:
            AimoError: as `restore`; a live memo is never touched.
        """
        require_possible_id(memo_id)

        async def work(connection: AsyncConnection) -> tuple[RemovedFiles, list[OutboxEntry]]:
            files, written = await self._delete(connection, uid, [memo_id], clock.LATEST_MS)
            if not written:
                raise await _refusal(connection, uid, memo_id)
            return files, written

        files, written = await atomically(self._database, "trash.delete", work, user=uid, entity=memo_id)
        await self._attachments.remove(files)
        await self._sync.wait_until_applied(written)

    async def delete_listed(self, uid: str, memo_ids: Sequence[str], *, until: int) -> int:
        """Remove those of these memos for good that were deleted until a moment; return how many."""

        async def work(connection: AsyncConnection) -> tuple[RemovedFiles, list[OutboxEntry]]:
            return await self._delete(connection, uid, memo_ids, until)

        files, written = await atomically(self._database, "trash.delete_listed", work, user=uid)
        await self._attachments.remove(files)
        return len(written) - len(files.entries)

    async def empty(self, uid: str) -> int:
        """Remove everything in the trash for good, some at a time; return how many memos that were.

        What gets into the trash meanwhile stays.
        """
        async with self._database.driver_connection() as connection:
            left = await trash_queries.ids(connection, owner=uid)
        deleted = 0
        for start in range(0, len(left), _BATCH):
            deleted += await self.delete_listed(uid, left[start : start + _BATCH], until=clock.LATEST_MS)
        return deleted

    async def _delete(
        self, connection: AsyncConnection, uid: str, memo_ids: Sequence[str], until: int
    ) -> tuple[RemovedFiles, list[OutboxEntry]]:
        rows = await trash_queries.for_update(connection, owner=uid, memo_ids=memo_ids, until=until)
        if not rows:
            return RemovedFiles(), []
        gone = [row.memo_id for row in rows]
        files = RemovedFiles()
        if listed := {attachment_id for row in rows for attachment_id in row.attachments or ()}:
            kept = await trash_queries.attachments_of_others(connection, owner=uid, memo_ids=gone)
            files = await self._attachments.forget(connection, uid, listed - kept)
        await trash_queries.delete_memos(connection, owner=uid, memo_ids=gone)
        written = [await self._write_entry(connection, uid, memo_id) for memo_id in gone]
        return files, [*written, *files.entries]

    async def _write_entry(self, connection: AsyncConnection, uid: str, memo_id: str) -> OutboxEntry:
        return await entries.write(connection, "memo", memo_id, uid, grace_ms=self._sync.grace_ms)

    async def _present(self, connection: ReadConnection, uid: str, found: Sequence[TrashedRow]) -> list[TrashedMemo]:
        if not found:
            return []
        rows = await trash_queries.rows(connection, owner=uid, memo_ids=[each.memo_id for each in found])
        there = [each for each in found if each.memo_id in rows]
        memos = await self._views.present(connection, uid, [rows[each.memo_id] for each in there], _SHOWN)
        return [
            TrashedMemo(**msgspec.structs.asdict(memo), deleted_at=each.deleted_at)
            for memo, each in zip(memos, there, strict=True)
        ]


async def _refusal(connection: AsyncConnection, uid: str, memo_id: str) -> AimoError:
    """Return why nothing can be done with a memo that is not in the trash."""
    if await memo_queries.exists(connection, owner=uid, memo_id=memo_id):
        return AimoError(Code.PARAMS_ERROR, _NOT_IN_TRASH)
    return AimoError(Code.NOT_FOUND)


async def _containing(
    connection: ReadConnection, uid: str, criteria: TrashFilter, *, newest_first: bool
) -> list[TrashedRow]:
    """Return the memos that literally contain the keyword, folded as everywhere.

    Texts in the trash are in no index: they are few, and read some at a time.
    """
    since, until = criteria.range
    wanted = fold(criteria.keyword)
    every = await trash_queries.page(
        connection, owner=uid, since=since, until=until, newest_first=newest_first, limit=_MOST, offset=0
    )
    matching: set[str] = set()
    for start in range(0, len(every), _BATCH):
        batch = [each.memo_id for each in every[start : start + _BATCH]]
        texts = await trash_queries.texts(connection, owner=uid, memo_ids=batch)
        matching |= await TEXTS.run(_with, wanted, texts)
    return [each for each in every if each.memo_id in matching]


def _with(wanted: str, texts: Sequence[TrashedText]) -> set[str]:
    return {each.memo_id for each in texts if wanted in fold(each.content)}
