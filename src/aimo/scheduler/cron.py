"""Cron expressions, and work at their moments by a clock that may jump."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from aimo import clock
from aimo.errors import ConfigurationError

LATE_MS: Final = 30 * 60 * 1000
"""How much later than its moment work is still done: after a pause of the machine, or a jump of its clock."""

_LOOK_SECONDS = 10.0


class CronSchedule:
    """The moments of a five-field cron expression in a time zone; Sunday is 0 or 7."""

    def __init__(self, expression: str, zone: ZoneInfo, name: str) -> None:
        """``name`` is the variable that holds the expression.

        Raises:
            ConfigurationError: it is none.
        """
        # Some crons write a question mark where one of the two kinds of days is not restricted.
        fields = ["*" if field == "?" else field for field in expression.split()]
        self._expression = " ".join(fields)
        self._zone = zone
        if len(fields) != 5:
            raise ConfigurationError(f"{name}={expression!r} is no cron expression: it must have five fields")
        try:
            self.next_after(0)
        except CronSimError as error:
            raise ConfigurationError(f"{name}={expression!r} is no cron expression: {error}") from None

    def next_after(self, moment_ms: int) -> int | None:
        """Return its first moment after another one, both in epoch milliseconds; None without any in 50 years."""
        after = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(self._zone)
        found = next(CronSim(self._expression, after), None)
        return None if found is None else int(found.timestamp() * 1000)

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work at each of its moments, for ever; ``work`` does not raise.

        What the clock jumps over is made up for up to `LATE_MS`; when it goes back, moments come again.
        """
        looked = clock.now_ms()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = clock.now_ms()
            due = self.next_after(max(min(looked, now), now - LATE_MS))
            looked = now
            if due is not None and due <= now:
                await work()
