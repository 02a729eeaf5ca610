"""Memos: reading one, creating, changing and deleting."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection, fetch_one
from aimo.db.queries import memos as sql
from aimo.db.queries import relations as relation_sql
from aimo.db.queries import tags as tag_sql
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.memos import Memo, MemoBody
from aimo.errors import AimoError, Code
from aimo.services.embedding.service import EmbeddingService
from aimo.services.memos import categories, tags
from aimo.services.memos import memo_validation as memo_writes
from aimo.services.memos.memo_presenter import CREATED, LISTED, UPDATED, MemoPresenter
from aimo.services.memos.memo_validation import moment, optional, validate_tag_lists
from aimo.services.sync import outbox as entries
from aimo.services.sync.outbox import OutboxEntry
from aimo.services.sync.service import SyncService

log = structlog.get_logger(__name__)

CategoryChoice = Callable[[AsyncConnection], Awaitable[str | None]]

# Saving answers within three seconds whatever the embedder does.
# See docs/decisions/07-saving-does-not-depend-on-the-embedder.md.
_EMBED_SECONDS = 1.7
_ANSWER_SECONDS = 2.5


class MemoService:
    """Every change of a memo is one transaction, with the entry that brings it to LanceDB (docs/contract/memos.md)."""

    def __init__(
        self,
        database: Database,
        views: MemoPresenter,
        embeddings: EmbeddingService,
        sync: SyncService,
        *,
        max_size: int = memo_writes.MAX_CONTENT_BYTES,
    ) -> None:
        """``max_size`` is the most bytes that a memo's content may have."""
        self._max_size = max_size
        self._database = database
        self._views = views
        self._embeddings = embeddings
        self._sync = sync

    async def get(self, uid: str, memo_id: str) -> Memo:
        """Return one memo; NOT_FOUND when the user has none of that id."""
        async with self._database.driver_connection() as connection:
            row = await one(connection, uid, memo_id)
            return (await self._views.present(connection, uid, [row], LISTED))[0]

    async def create(self, uid: str, body: MemoBody, *, category_name: str | None = None) -> Memo:
        """Store a memo. ``category_name`` overrides the body's category and is made if need be.

        The embedder is asked first and may fail: then the memo is found by its words at once, by meaning later.
        """
        content = memo_writes.check(body, self._max_size)
        now = clock.now_ms()
        row: dict[str, Any] = {
            "memo_id": ids.memo_id(),
            "uid": uid,
            "content": content,
            "type": "text" if body.type is UNSET else body.type,
            "source": body.source or None,
            "attachments": optional(body.attachments) or None,
            "is_public": body.is_public is True,
            "seq": clock.next_sequence(),
            "created_at": moment(body.created_at, now),
            "updated_at": moment(body.updated_at, now),
        }
        started = time.monotonic()
        await self._embed(content)

        async def work(connection: AsyncConnection) -> tuple[OutboxEntry, Memo]:
            if category_name is not None:
                row["category_id"] = await categories.find_or_create(connection, uid, category_name)
            else:
                row["category_id"] = await categories.resolve(connection, uid, body.category_id or None)
            tag_ids = await tags.resolve(connection, uid, optional(body.tag_ids), optional(body.tags))
            known = await tags.recount(connection, uid, (), tag_ids)
            row["tag_ids"] = tag_ids or None
            await connection.execute(sql.CREATE, row)
            await _link_tags(connection, uid, row["memo_id"], known)
            await _add_relations(connection, uid, row["memo_id"], optional(body.relation_ids))
            memo = await self._present(connection, uid, row["memo_id"], CREATED)
            return await self._mark(connection, uid, row["memo_id"]), memo

        entry, memo = await atomically(self._database, "memos.create", work, user=uid, entity=row["memo_id"])
        await self._wait_until_applied([entry], started)
        memo.type = row["type"]
        memo.category_id = memo.category_id or UNSET
        memo.source = memo.source or UNSET
        return memo

    async def update(self, uid: str, memo_id: str, body: MemoBody) -> Memo:
        """Change a memo; what the body does not name stays, times of creation always do."""
        content = memo_writes.check_change(body)
        if body.attachments is None or body.is_public is None:
            raise AimoError(Code.PARAMS_ERROR)
        require_possible_id(memo_id)
        started = time.monotonic()
        await self._embed(content)

        async def work(connection: AsyncConnection) -> tuple[list[OutboxEntry], Memo]:
            row = await _get_memo_row_for_update(connection, uid, memo_id)
            memo_writes.require_size(content, self._max_size, row.content)
            change = _changed(row, content, body)
            if not isinstance(body.category_id, UnsetType):
                change["new_category_id"] = await categories.resolve(connection, uid, body.category_id)
            if not (isinstance(body.tags, UnsetType) and isinstance(body.tag_ids, UnsetType)):
                named = await tags.resolve(connection, uid, optional(body.tag_ids), optional(body.tags))
                change["new_tag_ids"] = await _replace_tags(connection, uid, memo_id, named)
            await connection.execute(sql.UPDATE, {"owner": uid, "id": memo_id, **change})
            if not isinstance(body.relation_ids, UnsetType):
                await connection.execute(relation_sql.DELETE_OUTGOING, {"owner": uid, "id": memo_id})
                await _add_relations(connection, uid, memo_id, optional(body.relation_ids))
            memo = await self._present(connection, uid, memo_id, UPDATED)
            if not body.type:
                memo.type = row.type
            return ([await self._mark(connection, uid, memo_id)] if content != row.content else []), memo

        written, memo = await atomically(self._database, "memos.update", work, user=uid, entity=memo_id)
        await self._wait_until_applied(written, started)
        if body.category_id is not UNSET and memo.category_id is None:
            memo.category_id = UNSET
        return memo

    async def set_tags(self, uid: str, memo_id: str, tag_ids: list[str], names: list[str]) -> Memo:
        """Replace the tags of a memo; ids win over names, neither clears them."""
        require_possible_id(memo_id)
        validate_tag_lists(tag_ids, names)

        async def work(connection: AsyncConnection) -> Memo:
            await _get_memo_row_for_update(connection, uid, memo_id)
            named = await tags.resolve(connection, uid, optional(tag_ids), optional(names))
            change = {
                "new_tag_ids": await _replace_tags(connection, uid, memo_id, named),
                "new_updated_at": clock.now_ms(),
            }
            await connection.execute(sql.SET_TAGS, {"owner": uid, "id": memo_id, **change})
            return await self._present(connection, uid, memo_id, UPDATED)

        return await atomically(self._database, "memos.set_tags", work, user=uid, entity=memo_id)

    async def delete(self, uid: str, memo_id: str) -> None:
        """Remove a memo with its relations in both directions; its attachments stay."""
        require_possible_id(memo_id)

        async def work(connection: AsyncConnection) -> OutboxEntry:
            await _get_memo_row_for_update(connection, uid, memo_id)
            await tags.recount(connection, uid, await _current_tag_ids(connection, uid, memo_id), ())
            await connection.execute(sql.DELETE, {"owner": uid, "id": memo_id})
            return await self._mark(connection, uid, memo_id)

        entry = await atomically(self._database, "memos.delete", work, user=uid, entity=memo_id)
        await self._wait_until_applied([entry], time.monotonic())

    async def _embed(self, content: str) -> None:
        """Have the vector ready before the transaction; a failure is for the background worker.

        So is everything while the embedder is known to be down: no need to wait for it with every memo.
        """
        if self._embeddings.is_down:
            return
        try:
            failed = await self._embeddings.fill([content], seconds=_EMBED_SECONDS)
        except Exception:
            log.exception("memo embedding failed while saving")
            return
        for reason in failed.values():
            log.warning("memo saved without vector", reason=str(reason))

    async def _mark(self, connection: AsyncConnection, uid: str, memo_id: str) -> OutboxEntry:
        return await entries.write(connection, "memo", memo_id, uid, grace_ms=self._sync.grace_ms)

    async def _wait_until_applied(self, written: Sequence[OutboxEntry], started: float) -> None:
        left = _ANSWER_SECONDS - (time.monotonic() - started)
        await self._sync.wait_until_applied(written, seconds=max(0.3, min(2.0, left)))

    async def _present(self, connection: AsyncConnection, uid: str, memo_id: str, view: Any) -> Memo:
        row = await one(connection, uid, memo_id)
        return (await self._views.present(connection, uid, [row], view))[0]


def require_possible_id(memo_id: str) -> None:
    """NOT_FOUND for a text that no memo can have as its id."""
    if not ids.is_possible(memo_id):
        raise AimoError(Code.NOT_FOUND)


async def one(connection: ReadConnection, uid: str, memo_id: str) -> Any:
    """Return the row of a user's memo; NOT_FOUND without it."""
    require_possible_id(memo_id)
    row = await fetch_one(connection, sql.ONE, {"owner": uid, "id": memo_id})
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return row


async def _get_memo_row_for_update(connection: AsyncConnection, uid: str, memo_id: str) -> Any:
    row = (await connection.execute(sql.FOR_UPDATE, {"owner": uid, "id": memo_id})).first()
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return row


def _changed(row: Any, content: str, body: MemoBody) -> dict[str, Any]:
    """Return every column that can change, with what a body says or what the row has."""
    attachments = row.attachments if isinstance(body.attachments, UnsetType) else optional(body.attachments) or None
    return {
        "new_category_id": row.category_id,
        "new_content": content,
        "new_type": row.type if isinstance(body.type, UnsetType) else body.type,
        "new_source": row.source if isinstance(body.source, UnsetType) else body.source,
        "new_attachments": attachments,
        "new_tag_ids": row.tag_ids,
        "new_is_public": row.is_public if isinstance(body.is_public, UnsetType) else bool(body.is_public),
        "new_updated_at": clock.now_ms(),
    }


async def _current_tag_ids(connection: AsyncConnection, uid: str, memo_id: str) -> set[str]:
    rows = await connection.execute(tag_sql.ATTACHED, {"owner": uid, "memo_id": memo_id})
    return {row.tag_id for row in rows}


async def _replace_tags(connection: AsyncConnection, uid: str, memo_id: str, named: list[str]) -> list[str] | None:
    """Bring a locked memo's tags and their counts to a new list; return what to store for it."""
    before = await _current_tag_ids(connection, uid, memo_id)
    gone = before - set(named)
    known = await tags.recount(connection, uid, gone, [tag_id for tag_id in named if tag_id not in before])
    for tag_id in gone:
        await connection.execute(tag_sql.DETACH, {"owner": uid, "memo_id": memo_id, "tag_id": tag_id})
    await _link_tags(connection, uid, memo_id, known)
    return named or None


async def _link_tags(connection: AsyncConnection, uid: str, memo_id: str, tag_ids: set[str]) -> None:
    rows = [{"uid": uid, "memo_id": memo_id, "tag_id": tag_id} for tag_id in sorted(tag_ids)]
    if rows:
        await connection.execute(tag_sql.ATTACH, rows)


async def _add_relations(connection: AsyncConnection, uid: str, memo_id: str, targets: list[str]) -> None:
    """Refer to these memos, in this order; unknown, foreign and own ids are left out.

    See docs/decisions/13-relations-and-order.md.
    """
    candidates = [target for target in targets if ids.is_possible(target) and target != memo_id]
    if not candidates:
        return
    found = await connection.execute(sql.KNOWN_IDS, {"owner": uid, "memo_ids": candidates})
    known = {row.memo_id for row in found}
    now = clock.now_ms()
    rows = [
        {
            "relation_id": ids.relation_id(),
            "uid": uid,
            "source_memo_id": memo_id,
            "target_memo_id": target,
            "position": position,
            "seq": clock.next_sequence(),
            "now": now,
        }
        for position, target in enumerate(candidate for candidate in candidates if candidate in known)
    ]
    if rows:
        await connection.execute(relation_sql.CREATE, rows)
