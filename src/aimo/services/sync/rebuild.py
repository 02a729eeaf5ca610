"""Re-creates all of LanceDB's vectors and texts from the relational database, while searches go on.

A rebuild is an entry like any other: whoever holds the writer lease carries it out, so it works beside a
running server, and goes on after a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import structlog

from aimo.ai.embedder import Embedder
from aimo.ai.multimodal import MultimodalEmbedder
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries import rebuild as rebuild_queries
from aimo.db.queries.rebuild import Entity
from aimo.db.transaction import atomically
from aimo.services.sync.crashes import set_aside
from aimo.services.sync.outbox import OutboxEntry, create_entries, write
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

_CHUNK = 1000
# Before each further try; nobody who watches waits for the last one.
RETRY_WAITS_MS = (500, 2000, 4000, 8000, 60_000)


async def request(database: Database) -> tuple[OutboxEntry, int]:
    """Ask for a rebuild and return its entry, and how many memos it will go through."""
    async with database.reads() as connection:
        memos = await rebuild_queries.count_memos(connection)
    entry = await atomically(database, "sync.rebuild", lambda connection: write(connection, "rebuild", "all", "-"))
    return entry, memos


async def withdraw_failed_request(database: Database, entry: OutboxEntry) -> str | None:
    """Withdraw a request that failed at every try; why it did, or None while there is hope."""
    async with database.reads() as connection:
        left = await outbox_queries.remaining(connection, entry_ids=[entry.entry_id])
        if not left or left[0].attempts < len(RETRY_WAITS_MS):
            return None
        await outbox_queries.delete_entries(connection, entry_ids=[entry.entry_id])
    return str(left[0].last_error)


async def create_entries_for_rebuild(
    database: Database,
    vectors: VectorStore,
    embedder: Embedder,
    pictured: MultimodalEmbedder | None,
    entry: OutboxEntry,
) -> None:
    """Enqueue every memo and attachment, and every row of LanceDB that has none; only then is the request removed.

    Tables whose files are missing or broken are recreated before. Dying half-way means writing some outbox
    entries twice, which does no harm. What is set aside stays so: applying it would kill the process again.
    """
    left_out = {aside.entity_id for aside in await set_aside(database)}
    await vectors.recreate_damaged_tables()
    table = vectors.memo_vectors
    if not table.matches(embedder.model, embedder.dimension):
        log.info("vector table recreated for another model", model=embedder.model, dimension=embedder.dimension)
        await table.recreate(embedder.model, embedder.dimension)
    pictures = vectors.attachment_vectors
    if pictured and not pictures.matches(pictured.model, pictured.dimension):
        await pictures.recreate(pictured.model, pictured.dimension)
    memos = 0
    async for chunk in iterate_all(database, rebuild_queries.next_memos):
        await create_entries(database, "memo", [row for row in chunk if row[0] not in left_out])
        memos += len(chunk)
    if pictured:
        async for chunk in iterate_all(database, rebuild_queries.next_attachments):
            await create_entries(database, "attachment", [row for row in chunk if row[0] not in left_out])
    for rows in (vectors.memo_texts.ids(), table.ids()):
        async for part in rows:
            await create_entries(database, "memo", await _orphans(database, part))
    async for part in pictures.ids():
        await create_entries(database, "attachment", [row for row in part if row[0] not in left_out])
    async with database.reads() as connection:
        await outbox_queries.delete_entries(connection, entry_ids=[entry.entry_id])
    log.info("rebuild started", memos=memos)


class _NextEntities(Protocol):
    async def __call__(self, connection: ReadConnection, *, after: str, limit: int) -> list[Entity]:
        """Return the next ones behind an id."""


async def iterate_all(database: Database, next_entities: _NextEntities) -> AsyncIterator[list[Entity]]:
    """Yield all memos, or attachments, of everybody in the order of their ids."""
    after = ""
    while True:
        async with database.reads() as connection:
            chunk = await next_entities(connection, after=after, limit=_CHUNK)
        if not chunk:
            return
        after = chunk[-1].entity_id
        yield chunk


async def _orphans(database: Database, rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    orphans = []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        async with database.reads() as connection:
            live = await rebuild_queries.live_memo_ids(connection, memo_ids=[memo_id for memo_id, _ in part])
        orphans += [row for row in part if row[0] not in live]
    return orphans
