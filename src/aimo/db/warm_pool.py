"""A connection pool that keeps its connections as long as they are used, and a few for ever.

See docs/decisions/28-connection-pool.md.

SQLAlchemy's own pool either keeps every connection for ever or closes what exceeds its core size at
once. This one closes connections that nobody used for long, and proves those alive that rested a while.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.queue import Empty

_LAST_USED = "aimo_last_used"
_PROVE_AFTER_SECONDS = 1.0


class WarmPool(AsyncAdaptedQueuePool):
    """The pool of an asynchronous engine; ``watch`` must be called once for its engine."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.open_connections = 0
        self._doubted_at = 0.0

    def watch(self, engine: Engine) -> None:
        """Count connections, note when they are used, and replace the dead ones among those that rested."""
        event.listen(self, "connect", self._count_up)
        event.listen(self, "close", self._count_down)
        event.listen(self, "close_detached", self._count_down)
        event.listen(self, "checkin", _note_use)

        def prove_alive(connection: Any, record: ConnectionPoolEntry, proxy: Any) -> None:
            # A statement a second is proof enough; a server that was restarted, or timed out, is found out here.
            now = time.monotonic()
            last_used = _last_used(record, default=now)
            if now - last_used < _PROVE_AFTER_SECONDS and last_used > self._doubted_at:
                return
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error

        event.listen(self, "checkout", prove_alive)

    def doubt(self) -> None:
        """Prove every connection alive that has rested until now: one of them was closed from outside."""
        self._doubted_at = time.monotonic()

    async def close_idle(self, *, keep: int, seconds: float) -> None:
        """Close connections unused for ``seconds``, the longest unused first, until ``keep`` are open."""
        await greenlet_spawn(self._close_idle, keep, seconds)

    def _close_idle(self, keep: int, seconds: float) -> None:
        deadline = time.monotonic() - seconds
        # Only one is away from the pool at a time: closing may take long, or be cancelled.
        while self.open_connections > keep and (entry := self._take_unused_since(deadline)):
            try:
                entry.close()
            finally:
                self._put_back([entry])

    def _take_unused_since(self, deadline: float) -> ConnectionPoolEntry | None:
        """Take out the longest unused connection, if it was last used before the deadline."""
        resting = self._take_all()
        expired = [entry for entry in resting if entry.dbapi_connection is not None and _last_used(entry) < deadline]
        oldest = min(expired, key=_last_used, default=None)
        self._put_back([entry for entry in resting if entry is not oldest])
        return oldest

    def _take_all(self) -> list[ConnectionPoolEntry]:
        entries = []
        while True:
            try:
                entries.append(self._pool.get(False))
            except Empty:
                return entries

    def _put_back(self, entries: list[ConnectionPoolEntry]) -> None:
        """Make entries available again: the most recently used is lent first, one without a connection last."""
        entries = [*self._take_all(), *entries]
        for entry in sorted(entries, key=lambda entry: (entry.dbapi_connection is not None, _last_used(entry))):
            self._pool.put(entry, False)

    def _count_up(self, connection: Any, record: Any) -> None:
        self.open_connections += 1

    def _count_down(self, connection: Any, record: Any = None) -> None:
        self.open_connections -= 1


def _note_use(connection: object, record: ConnectionPoolEntry) -> None:
    _info(record)[_LAST_USED] = time.monotonic()


def _last_used(record: ConnectionPoolEntry, default: float = 0.0) -> float:
    moment: float = _info(record).get(_LAST_USED, default)
    return moment


def _info(record: ConnectionPoolEntry) -> dict[Any, Any]:
    info = record.record_info
    assert info is not None, "an entry of the pool always has its dictionary"
    return info
