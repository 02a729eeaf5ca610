"""Settings whose values only those can judge who use them."""

from __future__ import annotations

from aimo.config import Settings
from aimo.outbound import OutboundClient
from aimo.runtime.stores import lancedb_options
from aimo.scheduler.cron import CronSchedule
from aimo.storage.buckets import export_target


def require_usable(settings: Settings) -> None:
    """Find out what cannot be used, before anything is opened.

    Raises:
        ConfigurationError: something cannot; the text names the variable and the reason.
    """
    OutboundClient(settings.outbound_allow)
    CronSchedule(settings.db_optimization_cron, settings.zone, "DB_OPTIMIZATION_CRON")
    lancedb_options(settings)
    if settings.export_cron:
        CronSchedule(settings.export_cron, settings.zone, "EXPORT_CRON")
    if settings.export_cron or settings.export_to:
        export_target(settings.export_to, settings)
