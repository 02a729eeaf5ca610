"""Closes in reverse what was opened, in a given time if there has to be one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog

log = structlog.get_logger(__name__)

_LEAST_SECONDS = 0.1


class ShutdownStack:
    """Remembers what is open."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._over_at: float | None = None

    def add(self, what: str, close: Callable[[], Awaitable[None]]) -> None:
        """Have ``close`` called before those that were added earlier; ``what`` names it in the log."""
        self._stack.push_async_callback(self._close, what, close)

    async def run(self, *, seconds: float | None = None) -> None:
        """Close everything; what does not manage in its share of ``seconds`` is left behind.

        Raises what closing raises, after all the others are closed.
        """
        if seconds is not None:
            self._over_at = asyncio.get_running_loop().time() + seconds
        await self._stack.aclose()

    async def _close(self, what: str, close: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._time_share()) as limit:
                await close()
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("not closed in time", what=what)

    def _time_share(self) -> float | None:
        """Half of what is left, so that something is left for each of the others."""
        if self._over_at is None:
            return None
        return max(_LEAST_SECONDS, (self._over_at - asyncio.get_running_loop().time()) / 2)
