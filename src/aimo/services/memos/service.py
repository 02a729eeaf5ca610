"""Memos: reading one, creating, changing and deleting."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from zoneinfo import ZoneInfo

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import cards as card_queries
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import relations as relation_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries import trash as trash_queries
from aimo.db.queries.memos import MemoRow
from aimo.db.queries.relations import NewReference
from aimo.db.queries.tags import MemoTag
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.memos import Memo, MemoBody
from aimo.errors import AimoError, Code, PreconditionFailed
from aimo.services.embedding.service import EmbeddingService
from aimo.services.idempotency import Claim
from aimo.services.memos import categories, change_log, memo_validation, tags
from aimo.services.memos.memo_presenter import CREATED, LISTED, UPDATED, MemoPresenter, View
from aimo.services.memos.memo_validation import moment, optional, validate_tag_lists
from aimo.services.memos.possible_ids import require_possible_id
from aimo.services.repetition.schedule import fresh_card
from aimo.services.sync import outbox as entries
from aimo.services.sync.outbox import OutboxEntry
from aimo.services.sync.service import SyncService
from aimo.services.trusted_clock import not_before_trusted

log = structlog.get_logger(__name__)

# Times of change that a client has read; no two versions of a memo have the same.
Versions = Collection[int]

# Saving answers within three seconds whatever the embedder does.
# See docs/decisions/07-saving-does-not-depend-on-the-embedder.md.
_EMBED_SECONDS = 1.7
_ANSWER_SECONDS = 2.5
_CACHE_SECONDS = 0.5

# Clocks of servers that share a database differ by less.
_CLOCK_MS = 60_000


class MemoService:
    """Every change of a memo is one transaction, with the entry that brings it to LanceDB (docs/contract/memos.md)."""

    def __init__(
        self,
        database: Database,
        views: MemoPresenter,
        embeddings: EmbeddingService,
        sync: SyncService,
        *,
        zone: ZoneInfo,
        max_size: int = memo_validation.MAX_CONTENT_BYTES,
    ) -> None:
        """``max_size`` is the most bytes that a memo's content may have; ``zone`` says when a new one is reviewed."""
        self._zone = zone
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

    async def create(
        self, uid: str, body: MemoBody, *, category_name: str | None = None, claim: Claim | None = None
    ) -> Memo:
        """Store a memo. ``category_name`` overrides the body's category and is made if need be.

        The embedder is asked first and may fail: then the memo is found by its words at once, by meaning later.
        """
        content = memo_validation.check(body, self._max_size)
        now = clock.now_ms()
        new = memo_validation.apply(body, _new_row(uid, content, now))
        created, updated = moment(body.created_at, now), moment(body.updated_at, now)
        new = new._replace(source=new.source or None, created_at=created, updated_at=updated)
        seq = clock.next_sequence()
        started = time.monotonic()
        await self._embed(content)

        async def work(connection: AsyncConnection) -> tuple[OutboxEntry, Memo]:
            if claim:
                await claim.take(connection)
            if category_name is not None:
                category_id: str | None = await categories.find_or_create(connection, uid, category_name)
            else:
                category_id = await categories.resolve(connection, uid, body.category_id or None)
            tag_ids = await tags.resolve(connection, uid, optional(body.tag_ids), optional(body.tags))
            known = await tags.recount(connection, uid, (), tag_ids)
            row = new._replace(category_id=category_id, tag_ids=tag_ids or None)
            await memo_queries.create(connection, row, seq=seq)
            await card_queries.create(connection, fresh_card(uid, row.memo_id, seq, self._zone))
            await _link_tags(connection, uid, row.memo_id, known)
            await _add_relations(connection, uid, row.memo_id, optional(body.relation_ids))
            memo = (await self._views.present(connection, uid, [row], CREATED))[0]
            memo.type = new.type
            memo.category_id = memo.category_id or UNSET
            memo.source = memo.source or UNSET
            if claim:
                await claim.keep(connection, memo, outline(memo))
            entry = await self._write_entry(connection, uid, row.memo_id)
            await change_log.record(connection, uid, [row.memo_id], new=True)
            return entry, memo

        entry, memo = await atomically(self._database, "memos.create", work, user=uid, entity=new.memo_id)
        await self._wait_until_applied([entry], started)
        return memo

    async def update(
        self, uid: str, memo_id: str, body: MemoBody, *, claim: Claim | None = None, only: Versions | None = None
    ) -> Memo:
        """Change a memo; what the body does not name stays, times of creation always do.

        Raises:
            PreconditionFailed: it is none of the versions that are ``only`` to be changed.
        """
        content = memo_validation.check_change(body)
        if body.attachments is None or body.is_public is None:
            raise AimoError(Code.PARAMS_ERROR)
        require_possible_id(memo_id)
        started = time.monotonic()
        await self._embed(content)

        async def work(connection: AsyncConnection) -> tuple[list[OutboxEntry], Memo]:
            if claim:
                await claim.take(connection)
            row = await _get_memo_row_for_update(connection, uid, memo_id)
            await self._require_version(connection, row, only)
            memo_validation.require_size(content, self._max_size, row.content)
            change = memo_validation.apply(body, row._replace(content=content, updated_at=_after(row.updated_at)))
            if not isinstance(body.category_id, UnsetType):
                change = change._replace(category_id=await categories.resolve(connection, uid, body.category_id))
            if not (isinstance(body.tags, UnsetType) and isinstance(body.tag_ids, UnsetType)):
                named = await tags.resolve(connection, uid, optional(body.tag_ids), optional(body.tags))
                change = change._replace(tag_ids=await _replace_tags(connection, uid, memo_id, named))
            await memo_queries.update_memo(connection, change)
            if not isinstance(body.relation_ids, UnsetType):
                await relation_queries.delete_outgoing(connection, owner=uid, memo_id=memo_id)
                await _add_relations(connection, uid, memo_id, optional(body.relation_ids))
            memo = await self._present(connection, uid, memo_id, UPDATED)
            if not body.type:
                memo.type = row.type
            if body.category_id is not UNSET and memo.category_id is None:
                memo.category_id = UNSET
            if claim:
                await claim.keep(connection, memo, outline(memo))
            entry = [await self._write_entry(connection, uid, memo_id)] if content != row.content else []
            await change_log.record(connection, uid, [memo_id])
            return entry, memo

        written, memo = await atomically(self._database, "memos.update", work, user=uid, entity=memo_id)
        await self._wait_until_applied(written, started)
        return memo

    async def set_tags(
        self, uid: str, memo_id: str, tag_ids: list[str], names: list[str], *, claim: Claim | None = None
    ) -> Memo:
        """Replace the tags of a memo; ids win over names, neither clears them."""
        require_possible_id(memo_id)
        validate_tag_lists(tag_ids, names)

        async def work(connection: AsyncConnection) -> Memo:
            if claim:
                await claim.take(connection)
            row = await _get_memo_row_for_update(connection, uid, memo_id)
            named = await tags.resolve(connection, uid, optional(tag_ids), optional(names))
            stored = await _replace_tags(connection, uid, memo_id, named)
            now = _after(row.updated_at)
            await memo_queries.set_tags(connection, owner=uid, memo_id=memo_id, tag_ids=stored, now=now)
            memo = await self._present(connection, uid, memo_id, UPDATED)
            if claim:
                await claim.keep(connection, memo, outline(memo))
            await change_log.record(connection, uid, [memo_id])
            return memo

        return await atomically(self._database, "memos.set_tags", work, user=uid, entity=memo_id)

    async def delete(self, uid: str, memo_id: str, *, claim: Claim | None = None, only: Versions | None = None) -> None:
        """Put a memo into the trash, which hides it with its relations; its tags count it no more.

        Raises:
            PreconditionFailed: it is none of the versions that are ``only`` to be deleted.
        """
        require_possible_id(memo_id)

        async def work(connection: AsyncConnection) -> OutboxEntry:
            if claim:
                await claim.take(connection)
            row = await _get_memo_row_for_update(connection, uid, memo_id)
            await self._require_version(connection, row, only)
            await tags.recount(connection, uid, await _current_tag_ids(connection, uid, memo_id), ())
            await trash_queries.put(connection, owner=uid, memo_id=memo_id, now=await not_before_trusted(connection))
            if claim:
                await claim.keep(connection, None)
            entry = await self._write_entry(connection, uid, memo_id)
            await change_log.record(connection, uid, [memo_id])
            return entry

        entry = await atomically(self._database, "memos.delete", work, user=uid, entity=memo_id)
        await self._wait_until_applied([entry], time.monotonic())

    async def _require_version(self, connection: AsyncConnection, row: MemoRow, only: Versions | None) -> None:
        if only is not None and row.updated_at not in only:
            raise PreconditionFailed((await self._views.present(connection, row.uid, [row], LISTED))[0])

    async def _embed(self, content: str) -> None:
        """Have the vector ready before the transaction; a failure is for the background worker.

        So is everything while the embedder is known to be down: no need to wait for it with every memo.
        """
        if self._embeddings.is_down:
            return
        try:
            failed = await self._embeddings.fill(
                [content],
                seconds=_EMBED_SECONDS,
                # The writer is this process, or another one that looks for the vector in the cache.
                cached_within=0 if self._sync.lease.held else _CACHE_SECONDS,
            )
        except Exception:
            log.exception("memo embedding failed while saving")
            return
        for reason in failed.values():
            log.warning("memo saved without vector", reason=str(reason))

    async def _write_entry(self, connection: AsyncConnection, uid: str, memo_id: str) -> OutboxEntry:
        return await entries.write(connection, "memo", memo_id, uid, grace_ms=self._sync.grace_ms)

    async def _wait_until_applied(self, written: Sequence[OutboxEntry], started: float) -> None:
        left = _ANSWER_SECONDS - (time.monotonic() - started)
        await self._sync.wait_until_applied(written, seconds=max(0.3, min(2.0, left)))

    async def _present(self, connection: AsyncConnection, uid: str, memo_id: str, view: View) -> Memo:
        row = await one(connection, uid, memo_id)
        return (await self._views.present(connection, uid, [row], view))[0]


def _after(updated_at: int) -> int:
    """Return now, or the next millisecond where the memo was changed in this one, or by a clock a little ahead.

    So the time of change tells versions of a memo apart. One that is far ahead came with an import.
    """
    now = clock.now_ms()
    return updated_at + 1 if now <= updated_at < now + _CLOCK_MS else now


def outline(memo: Memo) -> Memo:
    """Return what tells which memo it is, without whatever may be long."""
    return msgspec.structs.replace(memo, content="", attachments=[], relations=UNSET)


async def one(connection: ReadConnection, uid: str, memo_id: str) -> MemoRow:
    """Return the row of a user's memo; NOT_FOUND without it."""
    require_possible_id(memo_id)
    row = await memo_queries.get(connection, owner=uid, memo_id=memo_id)
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return row


async def _get_memo_row_for_update(connection: AsyncConnection, uid: str, memo_id: str) -> MemoRow:
    row = await memo_queries.get_for_update(connection, owner=uid, memo_id=memo_id)
    if row is None:
        raise AimoError(Code.NOT_FOUND)
    return row


def _new_row(uid: str, content: str, now: int) -> MemoRow:
    return MemoRow(
        memo_id=ids.memo_id(),
        uid=uid,
        category_id=None,
        content=content,
        type="text",
        source=None,
        attachments=None,
        tag_ids=None,
        created_at=now,
        updated_at=now,
    )


async def _current_tag_ids(connection: AsyncConnection, uid: str, memo_id: str) -> set[str]:
    return await tag_queries.attached_ids(connection, owner=uid, memo_id=memo_id)


async def _replace_tags(connection: AsyncConnection, uid: str, memo_id: str, named: list[str]) -> list[str] | None:
    """Bring a locked memo's tags and their counts to a new list; return what to store for it."""
    before = await _current_tag_ids(connection, uid, memo_id)
    gone = before - set(named)
    known = await tags.recount(connection, uid, gone, [tag_id for tag_id in named if tag_id not in before])
    for tag_id in gone:
        await tag_queries.detach(connection, owner=uid, memo_id=memo_id, tag_id=tag_id)
    await _link_tags(connection, uid, memo_id, known)
    return named or None


async def _link_tags(connection: AsyncConnection, uid: str, memo_id: str, tag_ids: set[str]) -> None:
    await tag_queries.attach(connection, [MemoTag(memo_id, tag_id, uid) for tag_id in sorted(tag_ids)])


async def _add_relations(connection: AsyncConnection, uid: str, memo_id: str, targets: list[str]) -> None:
    """Refer to these memos, in this order; unknown, foreign and own ids are left out.

    See docs/decisions/13-relations-and-order.md.
    """
    candidates = [target for target in targets if ids.is_possible(target) and target != memo_id]
    if not candidates:
        return
    known = await memo_queries.known_ids(connection, owner=uid, memo_ids=candidates)
    now = clock.now_ms()
    references = [
        NewReference(
            relation_id=ids.relation_id(),
            uid=uid,
            source_memo_id=memo_id,
            target_memo_id=target,
            position=position,
            seq=clock.next_sequence(),
            created_at=now,
        )
        for position, target in enumerate(candidate for candidate in candidates if candidate in known)
    ]
    await relation_queries.create(connection, references)
