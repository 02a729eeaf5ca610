"""Dirty entries: which memo or attachment LanceDB must look at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries.outbox import NewEntry, OutboxEntry
from aimo.db.transaction import atomically

__all__ = ["Kind", "OutboxEntry", "create_entries", "write"]

# `replace` is a memo whose rows are deleted before they are written: merging cannot mend repeated ones. `text` is a
# memo whose vector stays as it is.
Kind = Literal["memo", "replace", "text", "attachment", "rebuild"]

# Few enough that nobody waits long for SQLite's write lock.
_CHUNK = 1000


async def write(connection: AsyncConnection, kind: Kind, entity_id: str, uid: str, *, grace_ms: int = 0) -> OutboxEntry:
    """Write an entry in the caller's transaction.

    ``grace_ms`` keeps the background worker away from it while the caller applies it at once.
    """
    number = await outbox_queries.create(connection, NewEntry(kind, entity_id, uid, clock.now_ms() + grace_ms))
    return OutboxEntry(number, kind, entity_id, uid)


async def create_entries(database: Database, kind: Kind, entities: Sequence[tuple[str, str]]) -> None:
    """Write an entry for each ``(entity_id, uid)``, 1,000 a transaction; a crash half-way leaves the first ones."""
    now = clock.now_ms()
    for start in range(0, len(entities), _CHUNK):
        chunk = entities[start : start + _CHUNK]
        new = [NewEntry(kind, entity_id, uid, now) for entity_id, uid in chunk]

        async def work(connection: AsyncConnection, new: list[NewEntry] = new) -> None:
            await outbox_queries.create_many(connection, new)

        await atomically(database, "sync.entry", work)
