"""``aimo push``: send what is due, and see what became of it."""

from __future__ import annotations

import asyncio
import textwrap
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from aimo import clock, config
from aimo.cli.prepared_settings import prepared_settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.push.channels import create_channels
from aimo.runtime import Runtime
from aimo.services.push import delivery_report as push_reports
from aimo.services.push.due_hours import due_hours, hour_of_today

app = App(name="push", help="Send what is due, and see what became of it.")
console = Console()


@app.command
def run(
    *,
    hour: Annotated[
        int | None,
        Parameter(validator=Number(gte=0, lte=23), help="Hour of today, 0 to 23; the present one if absent."),
    ] = None,
) -> None:
    """Send what is due at an hour of today and was not sent yet, beside a running server or without one."""
    settings = prepared_settings()

    async def work() -> None:
        async with Runtime(settings, worker=False) as runtime:
            now = clock.now_ms()
            present = due_hours(settings.zone, now)
            hours = present if hour is None else [hour_of_today(settings.zone, now, hour)]
            for due in hours:
                done = await runtime.services.pushes.run(due)
                again = await runtime.services.pushes.retry([*present, *hours])
                done.add(again)
                console.print(
                    f"{due}: {done.sent} sent, {done.failed} failed, {done.waiting} to be tried again, "
                    f"{done.unknown} unknown, {done.unprepared} rules without content.",
                    soft_wrap=True,
                )

    asyncio.run(work())


@app.command
def channels() -> None:
    """Show where pushes can go, and what the channel of a rule says for each."""
    for kind, description in create_channels(config.load()).describe().items():
        console.print(f"[bold]{kind}[/bold]")
        console.print(textwrap.indent(description.replace("``", ""), "  "), markup=False, highlight=False)


@app.command(name="status")
def show(
    *,
    hours: Annotated[float, Parameter(validator=Number(gt=0), help="How far to look back.")] = 24,
) -> None:
    """Show how many messages got through, and which did not."""
    settings = prepared_settings(rows_only=True)

    async def look() -> push_reports.PushReport:
        database = await Database.open(settings)
        try:
            await migrate.prepare(database, settings)
            return await push_reports.report(database, clock.now_ms() - int(hours * 3_600_000))
        finally:
            await database.close()

    overview = asyncio.run(look())
    if not overview.counts:
        console.print(f"Nothing was pushed in the last {hours:g} hours.")
        return
    console.print(
        ", ".join(f"{number} {state}" for state, number in sorted(overview.counts.items())) + ".", soft_wrap=True
    )
    if overview.trouble:
        _print(overview.trouble)


def _print(trouble: list[push_reports.UndeliveredMessage]) -> None:
    table = Table("state", "hour", "rule", "user", "target", "tries", "reason")
    for one in trouble:
        table.add_row(one.state, one.due, one.rule_id, one.uid, one.channel, str(one.attempts), one.reason)
    console.print(table, width=None if console.is_terminal else 250)
