"""When something was last used: written now and then, without having the request wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.transaction import atomically

log = structlog.get_logger(__name__)

_GRAIN_MS = 15 * 60 * 1000
_REMEMBERED = 4096

Write = Callable[[AsyncConnection, str, str, int], Awaitable[None]]


class UseNotes:
    """Notes uses, of each thing at most once in 15 minutes and process."""

    def __init__(self, database: Database, operation: str, write: Write) -> None:
        """``write`` stores, for an owner and the id of what they own, a time in epoch milliseconds."""
        self._database = database
        self._operation = operation
        self._write = write
        self._noted: dict[str, int] = {}
        self._noting: set[asyncio.Task[None]] = set()

    def note(self, owner: str, key: str, last_used_at: int) -> None:
        """Store that something is in use, unless that was done a short while ago."""
        now = clock.now_ms()
        if any(abs(now - noted) < _GRAIN_MS for noted in (last_used_at, self._noted.get(key, 0))):
            return
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[key] = now
        task = asyncio.create_task(self._store(owner, key, now), name=self._operation)
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def close(self) -> None:
        """Stop noting uses."""
        for task in self._noting:
            task.cancel()
        await asyncio.gather(*self._noting, return_exceptions=True)

    async def _store(self, owner: str, key: str, now: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            await self._write(connection, owner, key, now)

        try:
            await atomically(self._database, self._operation, work, user=owner)
        except Exception as error:  # noqa: BLE001 (the time is for information; the next period tries again)
            log.warning("a use could not be noted", operation=self._operation, error=type(error).__name__)
