"""Builds what a server does by itself at certain times."""

from __future__ import annotations

import structlog

from aimo.config import Settings
from aimo.runtime.stores import Stores
from aimo.scheduler.service import Scheduler
from aimo.services.export.scheduled import ScheduledExports
from aimo.services.registry import ServiceSet
from aimo.services.sync.lease import LeaseRow
from aimo.storage.buckets import export_target

log = structlog.get_logger(__name__)


def create_scheduler(settings: Settings, stores: Stores, services: ServiceSet) -> Scheduler:
    """Return what happens by itself in a server."""

    async def upkeep() -> None:
        # Two processes that compact the same tables would be in each other's way.
        if stores.sync.lease.held:
            try:
                if settings.embedding_cache_max_rows:
                    await stores.vectors.prune_caches(settings.embedding_cache_max_rows)
                await stores.vectors.optimize()
            except Exception:
                log.exception("nightly LanceDB upkeep failed")
            try:
                await services.sessions.forget_expired()
                await services.access_tokens.forget_expired()
            except Exception:
                log.exception("expired sessions and access tokens could not be removed, the next night tries again")
            try:
                await services.repeated_requests.forget_expired()
                await services.memo_changes.forget_old()
            except Exception:
                log.exception("old answers and changes could not be removed, the next night tries again")
            try:
                await services.ahead_times.run()
            except Exception:
                log.exception("times in the future could not be healed, the next night tries again")
            try:
                await services.trash_retention.run()
            except Exception:
                log.exception("expired memos of the trash could not be deleted, the next night tries again")
            await services.doctor.run_at_night()

    exports = None
    if settings.export_cron:
        target = export_target(settings.export_to, settings)
        exports = ScheduledExports(stores.database, services.exports, target, keep=settings.export_keep).run
    return Scheduler(
        LeaseRow(stores.database, "scheduler", seconds=10),
        services.pushes,
        upkeep,
        services.reminders,
        zone=settings.zone,
        upkeep_cron=settings.db_optimization_cron,
        exports=exports,
        export_cron=settings.export_cron,
    )
