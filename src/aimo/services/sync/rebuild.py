"""Re-creates all of LanceDB's vectors and texts from the relational database, while searches go on.

A rebuild is a mark like any other: whoever holds the writer lease carries it out, so it works beside a
running server, and goes on after a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog

from aimo import clock
from aimo.ai.embedder import Embedder
from aimo.db.connection import Database
from aimo.db.queries import outbox as sql
from aimo.db.transaction import atomically
from aimo.services.sync.marks import Mark, write
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

_CHUNK = 1000


async def request(database: Database) -> int:
    """Ask for a rebuild and return how many memos it will go through."""
    async with database.reads() as connection:
        memos: int = (await connection.execute(sql.COUNT_MEMOS)).scalar_one()
    await atomically(database, "sync.rebuild", lambda connection: write(connection, "rebuild", "all", "-"))
    return memos


async def carry_out(database: Database, vectors: VectorStore, embedder: Embedder, mark: Mark) -> None:
    """Mark every memo, and every row of LanceDB that has none; only then is the request removed.

    Dying half-way means marking some memos twice, which does no harm.
    """
    table = vectors.memo_vectors
    if not table.matches(embedder.model, embedder.dimension):
        log.info("the vector table moves to another model", model=embedder.model, dimension=embedder.dimension)
        await table.recreate(embedder.model, embedder.dimension)
    marked = 0
    async for chunk in _all_memos(database):
        await _mark(database, chunk)
        marked += len(chunk)
    for rows in (vectors.memo_texts.ids(), table.ids()):
        async for chunk in rows:
            await _mark(database, await _orphans(database, chunk))
    async with database.reads() as connection:
        await connection.execute(sql.DELETE, {"mark_ids": [mark.mark_id]})
    log.info("rebuild under way", memos=marked)


async def _all_memos(database: Database) -> AsyncIterator[list[tuple[str, str]]]:
    after = ""
    while True:
        async with database.reads() as connection:
            rows = await connection.execute(sql.NEXT_MEMOS, {"after": after, "limit": _CHUNK})
            chunk = [(row.memo_id, row.uid) for row in rows]
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


async def _mark(database: Database, memos: list[tuple[str, str]]) -> None:
    if not memos:
        return
    now = clock.now_ms()
    rows = [{"kind": "memo", "entity_id": memo_id, "uid": uid, "now": now} for memo_id, uid in memos]
    async with database.reads() as connection:
        await connection.execute(sql.MARK, rows)
