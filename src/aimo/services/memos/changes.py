"""What has changed of a user's memos, for clients that keep a copy (docs/contract/memos.md#changes)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import memo_changes as change_queries
from aimo.db.queries.memo_changes import ChangeRow, CounterRow
from aimo.db.queries.memos import SortOrder
from aimo.db.transaction import atomically
from aimo.dto.memos import MemoChanges
from aimo.errors import AimoError, Code
from aimo.services.memos.change_log import new_epoch
from aimo.services.memos.lists import MemoFilter, MemoLists, page_by_ids
from aimo.services.memos.memo_presenter import LISTED, MemoPresenter
from aimo.services.memos.paging import PageRequest

MOST_AT_ONCE: Final = 2000
"""Memos of one answer."""

KEPT_DAYS: Final = 90
"""For how long deletions are told."""

_LONGEST_CURSOR = 512


@dataclass(frozen=True)
class _Cursor:
    """A place in the changes of a user: behind a memo among those of one number, or without one behind all of them."""

    epoch: str
    version: int
    memo_id: str = ""

    def __str__(self) -> str:
        """Return the cursor as clients keep it."""
        text = f"{self.epoch} {self.version} {self.memo_id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class MemoChangeService:
    """Tells clients what to change in their copy of a user's memos."""

    def __init__(self, database: Database, lists: MemoLists, views: MemoPresenter) -> None:
        self._database = database
        self._lists = lists
        self._views = views

    async def since(self, uid: str, cursor: str, limit: int) -> MemoChanges:
        """Return the memos that have changed behind a cursor, in order, and the ids of those that are gone.

        Without a cursor, and behind one that leads nowhere any more, it is the newest memos, and ``reset``.
        PARAMS_ERROR for a text that is no cursor.
        """
        limit = max(1, min(limit, MOST_AT_ONCE))
        place = _read(cursor) if cursor else None
        standing = await self._standing(uid)
        if place is None or not _leads_on(place, standing):
            return await self._newest(uid, standing, limit)
        async with self._database.driver_connection() as connection:
            return await self._behind(connection, uid, place, limit)

    async def forget_old(self) -> None:
        """Remove what was changed more than `KEPT_DAYS` days ago, for all users; older cursors lead nowhere then."""
        until = clock.now_ms() - KEPT_DAYS * 24 * 3600 * 1000
        while True:
            async with self._database.reads() as connection:
                uid = await change_queries.user_with_outdated(connection, until=until)
            if uid is None:
                return

            async def work(connection: AsyncConnection, uid: str = uid) -> None:
                await change_queries.forget_outdated(connection, owner=uid, until=until)

            await atomically(self._database, "memo_changes.forget", work, user=uid)

    async def _standing(self, uid: str) -> CounterRow:
        async with self._database.driver_connection() as connection:
            standing = await change_queries.standing(connection, owner=uid)
        if standing is not None:
            return standing

        async def work(connection: AsyncConnection) -> CounterRow | None:
            await change_queries.create_counter(connection, owner=uid, epoch=new_epoch())
            return await change_queries.standing(connection, owner=uid)

        created = await atomically(self._database, "memo_changes.create_counter", work, user=uid)
        assert created is not None
        return created

    async def _newest(self, uid: str, standing: CounterRow, limit: int) -> MemoChanges:
        """Return the newest memos; the counter was read before them, so what changes meanwhile comes again."""
        page = await self._lists.page(uid, MemoFilter(), "", SortOrder(), PageRequest(1, limit))
        cursor = str(_Cursor(standing.epoch, standing.version))
        return MemoChanges(items=page.items, deleted=[], cursor=cursor, has_more=False, reset=True)

    async def _behind(self, connection: ReadConnection, uid: str, place: _Cursor, limit: int) -> MemoChanges:
        changes = await change_queries.since(
            connection,
            owner=uid,
            version=place.version if place.memo_id else place.version + 1,
            memo_id=place.memo_id,
            limit=limit + 1,
        )
        has_more, changes = len(changes) > limit, changes[:limit]
        rows, cut = await page_by_ids(connection, uid, [change.memo_id for change in changes])
        if cut:
            changes, has_more = _until(changes, rows[-1].memo_id) if rows else changes[:1], True
        items = await self._views.present(connection, uid, rows, LISTED)
        shown = {row.memo_id for row in rows}
        deleted = [change.memo_id for change in changes if change.memo_id not in shown]
        last = _Cursor(place.epoch, changes[-1].version, changes[-1].memo_id) if changes else place
        return MemoChanges(items=items, deleted=deleted, cursor=str(last), has_more=has_more, reset=False)


def _until(changes: Sequence[ChangeRow], memo_id: str) -> list[ChangeRow]:
    places = [place for place, change in enumerate(changes) if change.memo_id == memo_id]
    return list(changes[: places[0] + 1])


def _leads_on(place: _Cursor, standing: CounterRow) -> bool:
    return place.epoch == standing.epoch and standing.forgotten <= place.version <= standing.version


def _read(text: str) -> _Cursor:
    try:
        if len(text) > _LONGEST_CURSOR:
            raise ValueError(text)
        epoch, version, memo_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(" ")
        if not version.isdecimal() or len(version) > 18 or (memo_id and not ids.is_possible(memo_id)):
            raise ValueError(text)
        return _Cursor(epoch, int(version), memo_id)
    except ValueError as error:
        raise AimoError(Code.PARAMS_ERROR, "cursor is none that this server has given; leave it out") from error
