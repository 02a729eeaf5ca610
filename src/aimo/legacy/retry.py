"""Waits for a database that is away, and tries again what lost a race for locks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from aimo.db.connection import is_transient
from aimo.db.outages import is_outage

log = structlog.get_logger(__name__)

T = TypeVar("T")

RETRY_SECONDS = 1800.0
_LONGEST_WAIT = 5.0
_RACES = 10


async def with_retries(work: Callable[[], Awaitable[T]], *, seconds: float = RETRY_SECONDS) -> T:
    """Run ``work``, again for as long as the database is away, up to ``seconds`` seconds.

    ``work`` must find out for itself whether an earlier attempt was committed after all.
    object other error comes through.
    """
    started, wait, races = time.monotonic(), 0.25, 0
    while True:
        try:
            return await work()
        except Exception as error:
            if is_transient(error) and races < _RACES:
                races += 1
            elif not is_outage(error) or time.monotonic() - started > seconds:
                raise
            else:
                log.warning("database unavailable, waiting", error=type(error).__name__, seconds=wait)
        await asyncio.sleep(wait)
        wait = min(_LONGEST_WAIT, wait * 1.5)
