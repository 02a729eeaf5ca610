"""What happens by itself: pushes at the full hour and upkeep at night (contract, integrations.md 14)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from aimo import clock
from aimo.scheduler.cron import cron_trigger
from aimo.services.push_hours import due_hours
from aimo.services.push_rounds import PushRounds
from aimo.services.sync.lease import Lease

log = structlog.get_logger(__name__)

_LATE_SECONDS = 1800
_TICK_SECONDS = 0.5
_LOOK_SECONDS = 5.0
_FAILURE_SECONDS = 5.0
_STOP_SECONDS = 2.5
# How often, and after how long, a rule is asked again whose content could not be made.
_PREPARE_AGAIN = 3
_PREPARE_AGAIN_SECONDS = 60.0


class Scheduler:
    """The clockwork of one server process. Of several, the one with the lease pushes."""

    def __init__(
        self,
        lease: Lease,
        rounds: PushRounds,
        upkeep: Callable[[], Awaitable[None]],
        *,
        zone: ZoneInfo,
        upkeep_cron: str,
    ) -> None:
        """``upkeep`` runs in every process at ``upkeep_cron``; whether it has to do anything is its own business.

        Raises:
            ConfigurationError: ``upkeep_cron`` is no cron expression.
        """
        self._lease = lease
        self._rounds = rounds
        self._upkeep = upkeep
        self._zone = zone
        self._clockwork = AsyncIOScheduler(timezone=zone)
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": _LATE_SECONDS}
        self._clockwork.add_job(self._strike, CronTrigger(minute=0, timezone=zone), id="push", **options)
        nightly = cron_trigger(upkeep_cron, zone, "DB_OPTIMIZATION_CRON")
        self._clockwork.add_job(self._look_after, nightly, id="upkeep", **options)
        self._pusher: asyncio.Task[None] | None = None
        self._wanted = False
        self._stopping = False
        self._prepare_again = (0.0, 0)
        self._next_look = 0.0

    async def start(self) -> None:
        """Start; whoever gets the lease sends what is due in the present hour and was not sent yet."""
        self._clockwork.start()
        await self._lease.start()
        self._pusher = asyncio.create_task(self._push_forever(), name="pusher")

    async def stop(self) -> None:
        """Stop; the message on its way gets a moment to arrive."""
        self._stopping = True
        self._clockwork.shutdown(wait=False)
        if self._pusher:
            await asyncio.wait([self._pusher], timeout=_STOP_SECONDS)
            self._pusher.cancel()
            await asyncio.gather(self._pusher, return_exceptions=True)
        await self._lease.stop()

    async def _strike(self) -> None:
        """The full hour has come."""
        self._wanted = True

    async def _look_after(self) -> None:
        try:
            await self._upkeep()
            if self._lease.held:
                await self._rounds.forget_old()
        except Exception:
            log.exception("the nightly upkeep failed")

    async def _push_forever(self) -> None:
        had_lease = False
        while not self._stopping:
            if self._lease.held:
                # Nobody pushed, perhaps, before this process took over: what the hour still owes is sent now.
                self._wanted = self._wanted or not had_lease
                await self._push_once()
            had_lease = self._lease.held
            await asyncio.sleep(_TICK_SECONDS)

    async def _push_once(self) -> None:
        try:
            await self._do_what_is_due()
        except Exception:
            log.exception("pushing failed, it goes on in a moment")
            await asyncio.sleep(_FAILURE_SECONDS)

    async def _do_what_is_due(self) -> None:
        now = time.monotonic()
        again_at, attempt = self._prepare_again
        hours = due_hours(self._zone, clock.now_ms())
        if self._wanted or (attempt and now >= again_at):
            unprepared = [(await self._rounds.run(due, self._may_go_on)).unprepared for due in hours]
            attempt = 0 if self._wanted else attempt
            self._wanted = not self._may_go_on()
            attempt = attempt + 1 if any(unprepared) and attempt < _PREPARE_AGAIN else 0
            self._prepare_again = (time.monotonic() + _PREPARE_AGAIN_SECONDS, attempt)
        if now >= self._next_look:
            await self._rounds.retry(hours, self._may_go_on)
            await self._rounds.report_lost()
            self._next_look = time.monotonic() + _LOOK_SECONDS

    def _may_go_on(self) -> bool:
        return self._lease.held and not self._stopping
