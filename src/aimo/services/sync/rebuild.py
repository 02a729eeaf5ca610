"""Re-creates all of LanceDB's vectors and texts from the relational database, while searches go on.

A rebuild is an entry like any other: whoever holds the writer lease carries it out, so it works beside a
running server, and goes on after a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import structlog

from aimo.ai.embedder import Embedder
from aimo.ai.multimodal import MultimodalEmbedder
from aimo.db.connection import Database
from aimo.db.queries import attachments as attachment_sql
from aimo.db.queries import outbox as sql
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
        memos: int = (await connection.execute(sql.COUNT_MEMOS)).scalar_one()
    entry = await atomically(database, "sync.rebuild", lambda connection: write(connection, "rebuild", "all", "-"))
    return entry, memos


async def withdraw_failed_request(database: Database, entry: OutboxEntry) -> str | None:
    """Withdraw a request that failed at every try; why it did, or None while there is hope."""
    async with database.reads() as connection:
        row = (await connection.execute(sql.REMAINING, {"entry_ids": [entry.entry_id]})).one_or_none()
        if row is None or row.attempts < len(RETRY_WAITS_MS):
            return None
        await connection.execute(sql.DELETE, {"entry_ids": [entry.entry_id]})
    return str(row.last_error)


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
    marked = 0
    async for chunk in _iterate_all(database, sql.NEXT_MEMOS):
        await create_entries(database, "memo", [row for row in chunk if row[0] not in left_out])
        marked += len(chunk)
    if pictured:
        async for chunk in _iterate_all(database, attachment_sql.NEXT):
            await create_entries(database, "attachment", [row for row in chunk if row[0] not in left_out])
    for rows in (vectors.memo_texts.ids(), table.ids()):
        async for chunk in rows:
            await create_entries(database, "memo", await _orphans(database, chunk))
    async for chunk in pictures.ids():
        await create_entries(database, "attachment", [row for row in chunk if row[0] not in left_out])
    async with database.reads() as connection:
        await connection.execute(sql.DELETE, {"entry_ids": [entry.entry_id]})
    log.info("rebuild started", memos=marked)


async def _iterate_all(database: Database, statement: Any) -> AsyncIterator[list[tuple[str, str]]]:
    after = ""
    while True:
        async with database.reads() as connection:
            rows = await connection.execute(statement, {"after": after, "limit": _CHUNK})
            chunk = [(row[0], row.uid) for row in rows]
        if not chunk:
            return
        after = chunk[-1][0]
        yield chunk


async def _orphans(database: Database, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    orphans = []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        async with database.reads() as connection:
            found = await connection.execute(sql.LIVE_MEMOS, {"memo_ids": [memo_id for memo_id, _ in part]})
            live = {row.memo_id for row in found}
        orphans += [row for row in part if row[0] not in live]
    return orphans
