"""Whose task of a provider is whose: who knows the id of a task may not read it for that alone."""

from __future__ import annotations

import hashlib

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import asr_tasks as task_queries
from aimo.db.transaction import atomically

# Providers forget a task after a day.
_KEPT_MS = 7 * 24 * 3600 * 1000


class TaskOwners:
    """Remembers for a week who began a task."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, uid: str, task_id: str) -> None:
        """Note that the user began a task, and forget the user's old ones."""
        now = clock.now_ms()

        async def work(connection: AsyncConnection) -> None:
            await task_queries.delete_expired(connection, owner=uid, now=now)
            await task_queries.create_unless_known(
                connection, owner=uid, task_hash=_hash(task_id), expires_at=now + _KEPT_MS
            )

        await atomically(self._database, "asr_tasks.remember", work, user=uid)

    async def owns(self, uid: str, task_id: str) -> bool:
        """Return whether the user began this task."""
        async with self._database.reads() as connection:
            return await task_queries.exists(connection, owner=uid, task_hash=_hash(task_id), now=clock.now_ms())


def _hash(task_id: str) -> str:
    return hashlib.sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()
