"""Dirty entries: which memo or attachment LanceDB must look at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import outbox as sql
from aimo.db.transaction import atomically

# `replace` is a memo whose rows are deleted before they are written: merging cannot mend repeated ones.
Kind = Literal["memo", "replace", "attachment", "rebuild"]

# Few enough that nobody waits long for SQLite's write lock.
_CHUNK = 1000


class OutboxEntry(NamedTuple):
    """One entry. ``attempts`` counts how often applying it failed, ``crashes`` how often the process died of it."""

    entry_id: int
    kind: str
    entity_id: str
    uid: str
    attempts: int = 0
    crashes: int = 0


async def write(connection: AsyncConnection, kind: Kind, entity_id: str, uid: str, *, grace_ms: int = 0) -> OutboxEntry:
    """Write an entry in the caller's transaction.

    ``grace_ms`` keeps the background worker away from it while the caller applies it at once.
    """
    row = {"kind": kind, "entity_id": entity_id, "uid": uid, "now": clock.now_ms() + grace_ms}
    result = await connection.execute(sql.CREATE, row)
    key = result.inserted_primary_key
    assert key is not None
    return OutboxEntry(key[0], kind, entity_id, uid)


async def create_entries(database: Database, kind: Kind, entities: Sequence[tuple[str, str]]) -> None:
    """Write an entry for each ``(entity_id, uid)``, 1,000 a transaction; a crash half-way leaves the first ones."""
    now = clock.now_ms()
    for start in range(0, len(entities), _CHUNK):
        chunk = entities[start : start + _CHUNK]
        rows = [{"kind": kind, "entity_id": entity_id, "uid": uid, "now": now} for entity_id, uid in chunk]

        async def work(connection: AsyncConnection, rows: list[dict[str, Any]] = rows) -> None:
            await connection.execute(sql.CREATE, rows)

        await atomically(database, "sync.entry", work)
