"""Finds and heals times that a clock which was ahead has left in the future (docs/guarantees.md, `bounded-waits`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import stored_times as queries
from aimo.db.queries.stored_times import Bounds, TooFarAhead
from aimo.db.transaction import atomically
from aimo.services.repetition.schedule import LONGEST_DAYS
from aimo.services.trusted_clock import DAY_MS, NIGHTLY, TrustedClock

log = structlog.get_logger(__name__)

CARD: Final = "a card is due later than any answer puts it"
TRASHED: Final = "a memo in the trash was deleted in the future"
REMINDED: Final = "a user was reminded of reviews on a day to come"

_USERS: Final = 200
_MOST: Final = 1000
_SPARE_DAYS: Final = 1


def bounds(now: int) -> Bounds:
    """Return the latest times that rules give at a moment; a day to spare is for zones and for clocks that differ."""
    past = now + _SPARE_DAYS * DAY_MS
    latest_day = clock.to_datetime(now) + timedelta(days=1 + _SPARE_DAYS)
    return Bounds(
        now=now,
        past=clock.within_range(past),
        fresh=clock.within_range(past + 2 * DAY_MS),
        answered=clock.within_range(past + LONGEST_DAYS * DAY_MS),
        day=latest_day.strftime("%Y-%m-%d"),
    )


async def too_far_ahead(
    database: Database, now: int, *, most: int = _MOST
) -> AsyncIterator[list[tuple[str, TooFarAhead]]]:
    """Yield what is wrong and where, at most so much of each kind, of some users at a time."""
    latest, after = bounds(now), ""
    while True:
        async with database.reads() as connection:
            users = await queries.next_users(connection, after=after, limit=_USERS)
            if not users:
                return
            uids = [user.uid for user in users]
            found = [(CARD, row) for row in await queries.cards(connection, latest, uids=uids, limit=most)]
            found += [(TRASHED, row) for row in await queries.trashed(connection, latest, uids=uids, limit=most)]
        reminded = [user.uid for user in users if (user.sr_reminded_on or "") > latest.day]
        found += [(REMINDED, TooFarAhead(uid, uid)) for uid in reminded]
        if found:
            yield found
        after = uids[-1]


async def heal(database: Database, now: int) -> int:
    """Put all of it at now: cards are due, memos were deleted, nobody was reminded; return how many rows that were."""
    total = healed = await _heal_some(database, now)
    while healed:
        healed = await _heal_some(database, now)
        total += healed
    return total


async def _heal_some(database: Database, now: int) -> int:
    healed = 0
    async for found in too_far_ahead(database, now):
        uids = sorted({row.uid for _, row in found})
        card_ids = [row.row_id for problem, row in found if problem == CARD]

        async def work(connection: AsyncConnection, uids: list[str] = uids, card_ids: list[str] = card_ids) -> int:
            return await queries.heal(connection, bounds(now), uids=uids, card_ids=card_ids)

        healed += await atomically(database, "stored_times.heal", work)
    return healed


class AheadTimes:
    """The nightly healing. While the clock is further back than it was before, everything looks as if it was ahead."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clock = TrustedClock(database, NIGHTLY)

    async def run(self) -> int:
        """Heal, unless the clock is behind; return how many rows that were."""
        believed = await self._clock.look()
        if believed is None or believed.is_behind:
            return 0
        healed = await heal(self._database, clock.now_ms())
        if healed:
            log.warning("the clock has been ahead: times lay in the future", rows=healed)
        return healed
