"""How far the clock of day is believed (docs/contract/trash.md#retention)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import trusted_times as queries
from aimo.db.transaction import atomically

DAY_MS: Final = 24 * 60 * 60 * 1000

MOST_ADVANCE_MS: Final = 2 * DAY_MS
"""How far the time that counts goes on from one night to the next."""

NIGHTLY: Final = "nightly"
"""The name of the time that every night notes."""

_LOWER: Final = "-lower"


@dataclass(frozen=True)
class Belief:
    """What is believed of the time, epoch milliseconds; ``is_behind`` when the clock was further on before."""

    at: int
    is_behind: bool


class TrustedClock:
    """The time of one piece of nightly work, which notes each night how far it has believed the clock.

    What counts goes on by `MOST_ADVANCE_MS` a night at most, so that one night with a clock far ahead costs nobody
    anything. A clock that is behind is believed when it has gone on from one night to another.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    async def look(self) -> Belief | None:
        """Return the time that counts, and store it; None in the first night, which only notes the time."""
        return await atomically(self._database, f"trusted_time.{self._name}", self._look)

    async def _look(self, connection: AsyncConnection) -> Belief | None:
        now = clock.now_ms()
        before = await queries.trusted_time(connection, name=self._name)
        if before is None or before <= now:
            at = now if before is None else min(now, before + MOST_ADVANCE_MS)
            await queries.trust(connection, name=self._name, at=at)
            await queries.forget(connection, name=self._name + _LOWER)
            return None if before is None else Belief(at, is_behind=False)
        lower = await queries.trusted_time(connection, name=self._name + _LOWER)
        if lower is not None and lower < now <= lower + MOST_ADVANCE_MS:
            await queries.trust(connection, name=self._name, at=now)
            await queries.forget(connection, name=self._name + _LOWER)
        else:
            await queries.trust(connection, name=self._name + _LOWER, at=now)
        return Belief(now, is_behind=True)


async def not_before_trusted(connection: AsyncConnection) -> int:
    """Return the clock's time, or that of the latest night where it is behind: of what must not be dated too early."""
    return max(clock.now_ms(), await queries.trusted_time(connection, name=NIGHTLY) or 0)
