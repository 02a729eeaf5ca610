"""No stored time makes anybody wait for longer than its rule: a clock that was ahead would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries import push_deliveries as delivery_queries
from aimo.db.queries import rate_limits as counter_queries
from aimo.db.queries.stored_times import TooFarAhead
from aimo.db.transaction import atomically
from aimo.services import ahead_times
from aimo.services.accounts.rate_limit_counters import LONGEST_MS
from aimo.services.doctor.invariant import FewViolations, Violation
from aimo.services.push.delivery_rounds import WAITS_MS

_MOST: Final = 1000
_OUTBOX = "an outbox entry is to be applied later than any rule puts it"
_PUSH = "a push is to be tried later than any rule puts it"
_COUNTER = "a counter of attempts lasts longer than any rule"


class StoredTimes(FewViolations):
    """Compares stored times with the longest wait that their rules give."""

    name = "bounded-waits"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Let the waits end now."""

        async def work(connection: AsyncConnection) -> None:
            now = clock.now_ms()
            await outbox_queries.heal(connection, now=now)
            await delivery_queries.heal(connection, latest=now + max(WAITS_MS), now=now)
            await counter_queries.delete_beyond(connection, latest=now + LONGEST_MS)

        await atomically(self._database, "doctor.stored_times", work)
        await ahead_times.heal(self._database, clock.now_ms())
        return len(violations)

    async def violations(self) -> list[Violation]:
        """Return at most 1,000 of each kind."""
        now = clock.now_ms()
        async with self._database.reads() as connection:
            entries = await outbox_queries.beyond_their_rule(connection, now=now, limit=_MOST)
            pushes = await delivery_queries.beyond_their_rule(connection, latest=now + max(WAITS_MS), limit=_MOST)
            counters = await counter_queries.keys_beyond(connection, latest=now + LONGEST_MS, limit=_MOST)
        ahead: list[tuple[str, TooFarAhead]] = []
        async for some in ahead_times.too_far_ahead(self._database, now, most=_MOST):
            ahead += some[: max(0, _MOST - len(ahead))]
        return [
            *(Violation(each.entity_id, each.uid, _OUTBOX, str(each.entry_id)) for each in entries),
            *(Violation(each.rule_id, each.uid, _PUSH, f"{each.due} {each.channel}") for each in pushes),
            *(Violation(each, "-", _COUNTER) for each in counters),
            *(Violation(row.row_id, row.uid, problem) for problem, row in ahead),
        ]
