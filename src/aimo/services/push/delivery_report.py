"""What became of pushes, for operators."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import push_deliveries as delivery_queries

_MOST_TROUBLE = 100
_ON_ITS_WAY = "on its way"
_LOST = "claimed without a result: it may be missing"


@dataclass(frozen=True)
class UndeliveredMessage:
    """A message that did not get through, or of which that is not known (yet)."""

    rule_id: str
    due: str
    channel: str
    uid: str
    state: str
    attempts: int
    reason: str


@dataclass(frozen=True)
class PushReport:
    """How many messages are in which state, and the latest that were not simply sent."""

    counts: dict[str, int]
    trouble: list[UndeliveredMessage]


async def report(database: Database, since_ms: int) -> PushReport:
    """Return the messages claimed since a moment. A claim that nobody can be working on any more counts as unknown."""
    now = clock.now_ms()
    async with database.reads() as connection:
        counts = Counter(await delivery_queries.states(connection, since=since_ms))
        rows = await delivery_queries.unsent(connection, since=since_ms, limit=_MOST_TROUBLE)
    trouble = []
    for row in rows:
        lost = row.state == "claimed" and (row.retry_at or 0) <= now
        reason = row.error or (_LOST if lost else _ON_ITS_WAY)
        state = "unknown" if lost else row.state
        trouble.append(UndeliveredMessage(row.rule_id, row.due, row.channel, row.uid, state, row.attempts, reason))
    lost_count = sum(one.reason == _LOST for one in trouble)
    counts.update(claimed=-lost_count, unknown=lost_count)
    return PushReport({state: number for state, number in counts.items() if number}, trouble)
