"""``aimo doctor``: check what docs/guarantees.md promises."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from aimo import config
from aimo.cli.prepared_settings import prepared_settings
from aimo.runtime import Runtime
from aimo.services.doctor.doctor import EXAMPLES
from aimo.services.doctor.invariant import InvariantOutcome
from aimo.services.sync.service import SyncService

console = Console()

_DRAIN_SECONDS = 120.0
_STILL_SECONDS = 20.0


def doctor(*, repair: Annotated[bool, Parameter(help="Mend what can be mended, then check again.")] = False) -> None:
    """Check that both stores agree and nothing is lost; exit with 1 when something is wrong.

    It may be run beside a server: what is just being changed is no fault.
    """
    settings = prepared_settings()
    outcomes = asyncio.run(_examine(settings, repair=repair))
    if not all(outcome.is_satisfied for outcome in outcomes):
        sys.exit(1)


async def _examine(settings: config.Settings, *, repair: bool) -> list[InvariantOutcome]:
    async with Runtime(settings, worker=repair) as runtime:
        outcomes = await runtime.services.doctor.run(repair=repair)
        _show(outcomes)
        if repair and any(outcome.repaired for outcome in outcomes):
            await _wait_for_outbox(runtime.services.sync)
            console.print("After the repair:")
            outcomes = await runtime.services.doctor.run()
            _show(outcomes)
        return outcomes


async def _wait_for_outbox(sync: SyncService) -> None:
    """Wait for the entries of the repair, as long as they become fewer; what is left is excused by its entry."""
    fewest, still = (await sync.status()).waiting, 0.0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while fewest and still < _STILL_SECONDS:
                await asyncio.sleep(0.2)
                waiting = (await sync.status()).waiting
                still = 0.0 if waiting < fewest else still + 0.2
                fewest = min(fewest, waiting)
    except TimeoutError:
        console.print(f"{fewest} changes are still waiting to be applied.")


def _show(outcomes: Sequence[InvariantOutcome]) -> None:
    table = Table("invariant", "checked", "violations", "repaired", "result")
    for outcome in outcomes:
        numbers = [str(number) for number in (outcome.checked, outcome.violations, outcome.repaired)]
        table.add_row(outcome.name, *numbers, "holds" if outcome.is_satisfied else "violated")
    console.print(table)
    for outcome in outcomes:
        for example in outcome.examples:
            console.print(f"{outcome.name}: {example.entity} of user {example.uid}: {example.problem}", markup=False)
        if outcome.violations > EXAMPLES:
            console.print(f"{outcome.name}: and {outcome.violations - EXAMPLES} more")
