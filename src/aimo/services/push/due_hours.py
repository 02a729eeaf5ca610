"""Which hours of a day are due."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aimo import clock

_HOUR = timedelta(hours=1)
_FORMAT = "%Y-%m-%dT%H"


def due_hours(zone: ZoneInfo, now_ms: int) -> list[str]:
    """Return the local hours that are due now, as ``YYYY-MM-DDTHH``: the skipped ones, then the present one.

    Where clocks go forward, the hour that does not exist is due at the next one; where they go back, the hour
    that comes twice has one name, so that it is pushed once.
    """
    present = _local_hour(zone, now_ms)
    hour = _local_hour(zone, now_ms - 3_600_000) + _HOUR
    skipped = []
    while hour < present:
        skipped.append(hour)
        hour += _HOUR
    return [moment.strftime(_FORMAT) for moment in (*skipped, present)]


def hour_of_today(zone: ZoneInfo, now_ms: int, hour: int) -> str:
    """Return an hour, 0 to 23, of the present local day."""
    return _local_hour(zone, now_ms).replace(hour=hour).strftime(_FORMAT)


def parse_hour(due: str) -> int:
    """Return the hour, 0 to 23, of a name that :func:`due_hours` made."""
    return int(due[-2:])


def _local_hour(zone: ZoneInfo, ms: int) -> datetime:
    local = clock.to_datetime(ms).replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
    return local.replace(minute=0, second=0, microsecond=0, tzinfo=None)
