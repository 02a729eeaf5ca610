"""What happens by itself: pushes at the full hour and upkeep at night (docs/contract/providers.md#scheduled-work)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from zoneinfo import ZoneInfo

import structlog

from aimo import clock
from aimo.db.failure_log import FailureLog
from aimo.scheduler.cron import CronSchedule
from aimo.services.push.delivery_rounds import DeliveryRounds
from aimo.services.push.due_hours import due_hours
from aimo.services.repetition.reminders import Reminders
from aimo.services.sync.lease import LeaseRow

log = structlog.get_logger(__name__)

_TICK_SECONDS = 0.5
_LOOK_SECONDS = 5.0
_FAILURE_SECONDS = 5.0
# How often users are looked for who were not reminded today.
_REMINDERS_SECONDS = 30.0
_STOP_SECONDS = 2.0
# What one user's slow channels can cost everybody, and one message more.
_TURN_SECONDS = 5.0
# How often, and after how long, a rule is asked again whose content could not be made.
_PREPARE_AGAIN = 3
_PREPARE_AGAIN_SECONDS = 60.0


class Scheduler:
    """The clockwork of one server process. Of several, the one with the lease pushes."""

    def __init__(
        self,
        lease: LeaseRow,
        rounds: DeliveryRounds,
        upkeep: Callable[[], Awaitable[None]],
        reminders: Reminders,
        *,
        zone: ZoneInfo,
        upkeep_cron: str,
        exports: Callable[[], Awaitable[None]] | None = None,
        export_cron: str = "",
    ) -> None:
        """``upkeep`` runs in every process at ``upkeep_cron``; whether it has to do anything is its own business.

        ``exports`` runs at ``export_cron`` in the process that has the lease.

        Raises:
            ConfigurationError: ``upkeep_cron`` or ``export_cron`` is no cron expression.
        """
        self._lease = lease
        self._rounds = rounds
        self._upkeep = upkeep
        self._reminders = reminders
        self._zone = zone
        self._nightly = CronSchedule(upkeep_cron, zone, "DB_OPTIMIZATION_CRON")
        self._exports = exports
        self._exporting = CronSchedule(export_cron, zone, "EXPORT_CRON") if exports else None
        self._timed: list[asyncio.Task[None]] = []
        self._pushers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        # The hours that this process has pushed: losing the lease for a moment makes none of them due again.
        self._pushed: set[str] = set()
        self._attempts = 0
        self._tidied = False
        self._next_attempt = 0.0
        self._next_check = 0.0

    async def start(self) -> None:
        """Start; whoever gets the lease sends what is due in the present hour and was not sent yet."""
        self._timed.append(asyncio.create_task(self._nightly.run(self.run_upkeep), name="upkeep"))
        if self._exporting:
            self._timed.append(asyncio.create_task(self._exporting.run(self._run_exports), name="exports"))
        await self._lease.start()
        self._pushers = [
            asyncio.create_task(self._forever("pushes", self._push_once, _TICK_SECONDS), name="pusher"),
            asyncio.create_task(self._forever("reminders", self._remind, _REMINDERS_SECONDS), name="reminders"),
        ]

    async def stop(self) -> None:
        """Stop; the message on its way gets a moment to arrive."""
        self._stopping.set()
        for task in self._timed:
            task.cancel()
        await asyncio.gather(*self._timed, return_exceptions=True)
        if self._pushers:
            await asyncio.wait(self._pushers, timeout=_STOP_SECONDS)
            for pusher in self._pushers:
                pusher.cancel()
            await asyncio.gather(*self._pushers, return_exceptions=True)
        await self._lease.stop()

    async def run_upkeep(self) -> None:
        """Do what is due at night; failures are logged."""
        try:
            await self._upkeep()
            if self._lease.held:
                await self._rounds.delete_outdated_deliveries()
        except Exception:
            log.exception("the nightly upkeep failed")

    async def _run_exports(self) -> None:
        if self._exports and self._lease.held:
            try:
                await self._exports()
            except Exception:
                log.exception("the scheduled exports failed")

    async def _forever(self, work: str, once: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Do something again and again, this far apart, while this process has the lease."""
        failures = FailureLog(log, f"{work} failed, retrying", over=f"{work} work again")
        while not self._stopping.is_set():
            pause = seconds if self._lease.held else _TICK_SECONDS
            if self._lease.held:
                try:
                    await once()
                    failures.succeeded()
                except Exception as error:  # noqa: BLE001 (logged, and tried again)
                    failures.failed(error)
                    pause = _FAILURE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _remind(self) -> None:
        """Remind users of their due cards; slow channels of some keep no push of the hour waiting."""
        await self._reminders.run(self._may_go_on)

    async def _push_once(self) -> None:
        hours = due_hours(self._zone, clock.now_ms())
        self._pushed.intersection_update(hours)
        left = [due for due in hours if due not in self._pushed]
        if left and time.monotonic() >= self._next_attempt:
            await self._push_hours(left)
        if not self._tidied:
            await self._rounds.delete_outdated_deliveries()
            self._tidied = True
        if time.monotonic() >= self._next_check:
            done = await self._rounds.retry(
                hours,
                # A new hour goes first.
                lambda: self._may_go_on() and due_hours(self._zone, clock.now_ms()) == hours,
                turn_seconds=_TURN_SECONDS,
            )
            await self._rounds.mark_lost_deliveries_unknown()
            # Where there was something, more may have been left.
            self._next_check = time.monotonic() + (0 if any(vars(done).values()) else _LOOK_SECONDS)

    async def _push_hours(self, hours: list[str]) -> None:
        """Send what these hours owe; rules whose content could not be made are asked again a few times."""
        unprepared = 0
        for due in hours:
            done = await self._rounds.run(due, self._may_go_on, turn_seconds=_TURN_SECONDS)
            unprepared += done.unprepared
        if not self._may_go_on():
            return
        self._attempts += 1
        if unprepared and self._attempts <= _PREPARE_AGAIN:
            self._next_attempt = time.monotonic() + _PREPARE_AGAIN_SECONDS
            return
        self._pushed.update(hours)
        self._attempts, self._next_attempt = 0, 0.0

    def _may_go_on(self) -> bool:
        return self._lease.held and not self._stopping.is_set()
