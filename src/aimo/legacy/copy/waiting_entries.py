"""Outbox entries for what comes without a usable vector."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.queries import migration as sql
from aimo.legacy import packet

_IN_ONE_QUERY = 1000


async def enqueue(connection: AsyncConnection, kind: str, owners: Mapping[str, str]) -> None:
    """Have the server look at these memos or attachments, in the caller's transaction.

    What waits already, from an interrupted or earlier run, needs no second entry.
    """
    asked = [key for key in owners if ids.is_possible(key)]
    waiting: set[str] = set()
    for start in range(0, len(asked), _IN_ONE_QUERY):
        which = {"kind": kind, "keys": asked[start : start + _IN_ONE_QUERY]}
        waiting.update((await connection.execute(sql.WAITING, which)).scalars())
    now = clock.now_ms()
    entries = [
        {"kind": kind, "entity_id": key, "uid": owners[key], "attempts": 0, "created_at": now, "next_try_at": now}
        for key in asked
        if key not in waiting
    ]
    for group in packet.groups(entries, packet.LEAST_LIMIT):
        await connection.execute(sql.CREATE_ENTRY, group)
