"""How long the server waits for a body: longer for those that come, however slowly, than for those that hardly do."""

from __future__ import annotations

import asyncio
from typing import Final

# Bytes a second. Whoever sends less holds a connection for nothing; the worst of mobile networks is faster.
SLOWEST: Final = 1024

# Bytes a second by which the time for a whole body is reckoned: what a bad mobile connection still sends.
EXPECTED: Final = 32 * 1024
_SMALL = 64 * 1024


class BodyTimeout:
    """The deadline of one body: a while after its last piece, and not later than its pace and its size allow.

    Used as ``async with timeout.scope:``, with :meth:`note` after each piece; ``TimeoutError`` when it is over.
    """

    def __init__(self, idle_seconds: float, *, most_bytes: int) -> None:
        """Start to wait.

        Args:
            idle_seconds: the longest wait for a piece, and what a whole body may take besides its pace.
            most_bytes: the size from which the time for the whole body is reckoned.
        """
        self._idle = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._end = self._begun + idle_seconds + max(most_bytes, _SMALL) / EXPECTED
        self.received = 0
        self.scope = asyncio.timeout(idle_seconds)

    def note(self, size: int) -> None:
        """Reckon with ``size`` bytes that have come."""
        self.received += size
        latest = self._begun + self._idle + self.received / SLOWEST
        self.scope.reschedule(min(self._loop.time() + self._idle, latest, self._end))
