"""Checks every invariant, on a running installation as well as on one at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db.connection import Database
from aimo.db.queries import invariants as invariant_queries
from aimo.db.queries.invariants import CheckRow
from aimo.db.transaction import atomically
from aimo.services.doctor.invariant import Invariant, InvariantOutcome, Violation

log = structlog.get_logger(__name__)

EXAMPLES = 20
_GROUP = 500
_LOOKS = 4
_PAUSE_SECONDS = 0.7
_LONGEST_REASON = 300

# What is derived from the database and is simply written again; nothing can be lost by that.
REPAIRED_AT_NIGHT = frozenset({"indexed-memos", "no-orphan-rows"})


# Returns those of some violations that are to be mended.
Choose = Callable[[list[Violation]], list[Violation]]


class Doctor:
    """Reports only what stays wrong: a suspect is looked at again until it is right or seen twice the same."""

    def __init__(self, database: Database, invariants: Sequence[Invariant]) -> None:
        self._database = database
        self._invariants = invariants

    async def run(self, *, repair: bool = False) -> list[InvariantOutcome]:
        """Check everything, mend what can be if ``repair``, and keep the results for `/metrics`."""
        return await self._run(lambda _: _everything if repair else _nothing)

    async def run_at_night(self) -> list[InvariantOutcome]:
        """Check everything, mend what can be without loss or cost, and keep the results for `/metrics`."""
        return await self._run(lambda name: _all_but_costly if name in REPAIRED_AT_NIGHT else _nothing)

    async def _run(self, choice: Callable[[str], Choose]) -> list[InvariantOutcome]:
        outcomes = [await self._check(invariant, choice(invariant.name)) for invariant in self._invariants]
        await self._record(outcomes)
        for outcome in outcomes:
            if outcome.repaired:
                log.warning("violations repaired", invariant=outcome.name, repaired=outcome.repaired)
            if not outcome.is_satisfied:
                log.error(
                    "invariant violated",
                    invariant=outcome.name,
                    violations=outcome.violations,
                    repaired=outcome.repaired,
                    first=f"{outcome.examples[0].entity}: {outcome.examples[0].problem}",
                )
        return outcomes

    async def _check(self, invariant: Invariant, choose: Choose) -> InvariantOutcome:
        outcome = InvariantOutcome(invariant.name)
        try:
            await self._scan_in_groups(invariant, outcome, choose)
        except Exception as error:
            # The other invariants are worth knowing all the same, and that this one is not known has to be reported.
            log.exception("invariant check failed", invariant=invariant.name)
            outcome.violations += 1
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:_LONGEST_REASON]}"
            failure = Violation(invariant.name, "-", f"could not be checked: {reason}; the log has more")
            outcome.examples = [failure, *outcome.examples][:EXAMPLES]
        return outcome

    async def _scan_in_groups(self, invariant: Invariant, outcome: InvariantOutcome, choose: Choose) -> None:
        waiting: list[Violation] = []
        async for looked in invariant.look():
            outcome.checked += looked.count
            waiting += looked.suspects
            if len(waiting) >= _GROUP:
                await self._confirm_and_repair(invariant, waiting, outcome, choose)
                waiting = []
        await self._confirm_and_repair(invariant, waiting, outcome, choose)

    async def _confirm_and_repair(
        self, invariant: Invariant, suspects: list[Violation], outcome: InvariantOutcome, choose: Choose
    ) -> None:
        for start in range(0, len(suspects), _GROUP):
            found = await _recheck_until_stable(invariant, suspects[start : start + _GROUP])
            outcome.violations += len(found)
            outcome.examples += found[: EXAMPLES - len(outcome.examples)]
            if chosen := choose(found):
                outcome.repaired += await invariant.repair(chosen)

    async def _record(self, outcomes: Sequence[InvariantOutcome]) -> None:
        async def work(connection: AsyncConnection) -> None:
            now = clock.now_ms()
            for outcome in outcomes:
                check = CheckRow(outcome.name, outcome.checked, outcome.violations, outcome.repaired, now)
                await invariant_queries.record(connection, check)

        await atomically(self._database, "doctor.record", work)


def _everything(found: list[Violation]) -> list[Violation]:
    return found


def _nothing(_: list[Violation]) -> list[Violation]:
    return []


def _all_but_costly(found: list[Violation]) -> list[Violation]:
    return [violation for violation in found if not violation.costly]


async def _recheck_until_stable(invariant: Invariant, suspects: list[Violation]) -> list[Violation]:
    """Return those that are seen twice with the same evidence. What changes at every look is alive, not broken."""
    found: list[Violation] = []
    # What an entry excuses need not be waited for: after a rebuild that is everything.
    suspects = await invariant.again(suspects) if suspects else []
    for _ in range(_LOOKS):
        if not suspects:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
        before = set(suspects)
        seen = await invariant.again(suspects)
        found += [violation for violation in seen if violation in before]
        suspects = [violation for violation in seen if violation not in before]
    return found
