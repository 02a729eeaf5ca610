"""The one clock: epoch milliseconds, local days, and the sequence that keeps insertion order."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# What a DATETIME column holds by its specification: 1000-01-01 up to 9999-12-31.
EARLIEST_MS = -30_610_224_000_000
LATEST_MS = 253_402_300_799_999

_EPOCH = datetime(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)


def now_ms() -> int:
    """Return milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def within_range(ms: int) -> int:
    """Return the nearest moment that the database can keep: a bound beyond it excludes as much."""
    return min(max(ms, EARLIEST_MS), LATEST_MS)


def to_datetime(ms: int) -> datetime:
    """Return the naive UTC datetime of epoch milliseconds (negative ones included)."""
    return _EPOCH + timedelta(milliseconds=ms)


def to_ms(moment: datetime) -> int:
    """Epoch milliseconds of a naive UTC datetime, exact to the millisecond."""
    return (moment - _EPOCH) // _MILLISECOND


def to_iso(ms: int) -> str:
    """Return epoch milliseconds as ISO 8601 in UTC: ``2026-11-27T14:49:03.911Z``."""
    return to_datetime(ms).isoformat(timespec="milliseconds") + "Z"


def local_day(zone: ZoneInfo, ms: int | None = None) -> str:
    """Return the calendar day ``YYYY-MM-DD`` in a zone, of now or of the given moment."""
    moment = datetime.fromtimestamp((now_ms() if ms is None else ms) / 1000, UTC)
    return moment.astimezone(zone).strftime("%Y-%m-%d")


class _Sequence:
    """Ever-growing numbers made from the clock, in microseconds since the epoch."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return self._last


_sequence = _Sequence()


def next_sequence() -> int:
    """Return a number larger than every one before it: it breaks ties by order of insertion.

    Unique within the process; of two processes the later call gets the larger number
    as far as their clocks agree. It fits a BIGINT and a double.
    """
    return _sequence.next()
