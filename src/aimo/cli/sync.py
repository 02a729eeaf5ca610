"""``aimo sync``: see and steer how LanceDB follows the relational database."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import structlog
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aimo import clock
from aimo.cli.prepared_settings import prepared_settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.runtime import Runtime
from aimo.services.sync import crashes
from aimo.services.sync import rebuild as rebuilding
from aimo.services.sync.outbox import OutboxEntry
from aimo.services.sync.service import SyncStatus, status

app = App(name="sync", help="See and steer how LanceDB follows the relational database.")
console = Console()
logger = structlog.get_logger(__name__)

_STALLED_SECONDS = 60
_LOG_SECONDS = 5


@app.command(name="status")
def show() -> None:
    """Show how many changes LanceDB still has to learn, and why it has not."""
    settings = prepared_settings(rows_only=True)

    async def look() -> SyncStatus:
        database = await Database.open(settings)
        try:
            await migrate.prepare(database, settings)
            return await status(database)
        finally:
            await database.close()

    state = asyncio.run(look())
    if state.set_aside:
        console.print(
            f"{state.set_aside} changes are set aside: the process died each time that they were applied. "
            "`aimo doctor` names them and says what to do."
        )
    if not state.waiting:
        console.print("In step: nothing is waiting.")
        return
    age = (clock.now_ms() - (state.oldest_ms or 0)) / 1000
    console.print(
        f"{state.waiting} changes are waiting, the oldest for {age:.0f} s, tried up to {state.attempts} times."
    )
    if state.last_error:
        console.print(f"Last failure: {state.last_error}")


@app.command
def run(
    *,
    retry_set_aside: Annotated[
        bool, Parameter(help="Apply once more what is set aside because the process died each time.")
    ] = False,
) -> None:
    """Apply everything that waits, then end."""

    async def work(runtime: Runtime) -> None:
        if retry_set_aside:
            released = await crashes.retry_set_aside(runtime.stores.database)
            console.print(f"{released} changes that were set aside are tried once more.")
        await _drain(runtime, "applying changes")

    _with_runtime(work)


@app.command
def rebuild() -> None:
    """Re-create all vectors and texts from the relational database; searches go on meanwhile.

    It also moves to another embedding model when one was configured, and recreates tables whose files are missing
    or broken. Stopping it loses nothing: a server, or the next run of any sync command, goes on.
    """

    async def work(runtime: Runtime) -> None:
        request, memos = await rebuilding.request(runtime.stores.database)
        console.print(f"Rebuilding {memos} memos.")
        await _drain(runtime, "rebuilding", request)

    _with_runtime(work, mend=True)


def _with_runtime(work: object, *, mend: bool = False) -> None:
    settings = prepared_settings()

    async def main() -> None:
        async with Runtime(settings, mend=mend) as runtime:
            await work(runtime)  # type: ignore[operator]

    asyncio.run(main())


async def _drain(runtime: Runtime, doing: str, request: OutboxEntry | None = None) -> None:
    """Watch until nothing waits any more; this process or a running server does the work.

    Raises:
        ConfigurationError: nothing has moved for a minute, or the rebuild that was requested failed at every try;
            the text says what was wrong last.
    """
    sync = runtime.services.sync
    most = waiting = (await sync.status()).waiting
    moved = logged = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(doing, total=most)
        while waiting:
            await asyncio.sleep(0.2)
            if request and (reason := await rebuilding.withdraw_failed_request(runtime.stores.database, request)):
                raise ConfigurationError(f"the rebuild failed at every try and is given up: {reason}")
            state = await sync.status()
            now = time.monotonic()
            if state.waiting != waiting:
                moved = now
            elif now - moved > _STALLED_SECONDS:
                raise ConfigurationError(
                    f"{waiting} changes cannot be applied: {state.last_error or 'no reason known'}"
                )
            waiting, most = state.waiting, max(most, state.waiting)
            progress.update(task, total=most, completed=most - waiting)
            if not console.is_terminal and now - logged > _LOG_SECONDS:
                logged = now
                logger.info(doing, done=most - waiting, total=most)
    console.print("In step: nothing is waiting.")
