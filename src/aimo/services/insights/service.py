"""Looking back: how much was written when, and what was written on this day.

See docs/contract/insights.md#activity, docs/contract/insights.md#on-this-day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from aimo import clock
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import insights as insight_queries
from aimo.db.queries.insights import SLOTS, MomentRow
from aimo.dto.insights import Activity, Anniversary, DayCount, OnThisDay
from aimo.services.memos.lists import load_rows_by_ids

_DAY_MS = 86_400_000
_MOST_ANNIVERSARIES = 10


class InsightService:
    """Counts and finds memos by when they were written; every statement reads a range of one index."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        """``zone`` decides what today is."""
        self._database = database
        self._zone = zone

    async def activity(self, uid: str, days: float, zone: ZoneInfo | None = None) -> Activity:
        """Return how many memos the user wrote on each day of the last ``days`` days: of the zone, or of UTC."""
        until = clock.now_ms()
        since = until - int(days * _DAY_MS)
        if zone is not None:
            return await self._local_activity(uid, since, until, zone)
        async with self._database.reads() as connection:
            rows = await insight_queries.activity(connection, owner=uid, since=since, until=until)
        items = [DayCount(date=str(row.day), count=row.memos) for row in rows]
        return Activity(items=items, start_date=_utc_day(since), end_date=_utc_day(until))

    async def _local_activity(self, uid: str, since: int, until: int, zone: ZoneInfo) -> Activity:
        counts: Counter[str] = Counter()
        async with self._database.reads() as connection:
            for start, end, minutes in _offsets(zone, since, until):
                rows = await insight_queries.activity_shifted(
                    connection, owner=uid, since=start, until=end, minutes=minutes
                )
                counts.update({str(row.day): row.memos for row in rows})
        items = [DayCount(date=day, count=count) for day, count in sorted(counts.items())]
        return Activity(items=items, start_date=_local_day(since, zone), end_date=_local_day(until, zone))

    async def on_this_day(self, uid: str, zone: ZoneInfo | None = None) -> OnThisDay:
        """Return the memos of today's month and day in other years: latest year first, then as written.

        ``zone`` decides what today is, in place of the configured one.
        """
        zone = zone or self._zone
        today = clock.local_day(zone)
        this_year, month, day = map(int, today.split("-"))
        found: list[tuple[int, MomentRow]] = []
        async with self._database.reads() as connection:
            until: int | None = clock.LATEST_MS
            while until is not None and len(found) < _MOST_ANNIVERSARIES:
                newest = await insight_queries.newest_until(connection, owner=uid, until=until)
                if newest is None:
                    break
                # The year in the zone may be one later than in UTC.
                years = range(clock.to_datetime(newest).year + 1, 999, -1)
                ranges = list(islice(_ranges(zone, years, this_year, month, day), SLOTS))
                found += await _rows_in(connection, uid, ranges)
                until = ranges[-1][1] - 1 if len(ranges) == SLOTS else None
            chosen = {row.memo_id: year for year, row in found[:_MOST_ANNIVERSARIES]}
            rows = await load_rows_by_ids(connection, uid, list(chosen))
        items = [
            Anniversary(memo_id=row.memo_id, content=row.content, created_at=row.created_at, year=chosen[row.memo_id])
            for row in rows
        ]
        return OnThisDay(items=items, total=len(items), today_month_day=today[5:])


def _ranges(zone: ZoneInfo, years: range, this_year: int, month: int, day: int) -> Iterator[tuple[int, int, int]]:
    """Year, start and end of the day in every year that has it, epoch milliseconds, the end exclusive."""
    for year in years:
        if year == this_year:
            continue
        try:
            start = datetime(year, month, day)
            end = start + timedelta(days=1)
            yield year, _utc_ms(start.replace(tzinfo=zone)), _utc_ms(end.replace(tzinfo=zone))
        except (ValueError, OverflowError):
            # No such day in this year, or beyond what a datetime holds.
            continue


async def _rows_in(
    connection: ReadConnection, uid: str, ranges: list[tuple[int, int, int]]
) -> list[tuple[int, MomentRow]]:
    """Return the memos in these ranges with their year, in the order of the ranges, then of insertion."""
    if not ranges:
        return []
    moments = [(start, end) for _, start, end in ranges]
    rows = await insight_queries.in_ranges(connection, owner=uid, ranges=moments)
    found = [(year, row) for year, start, end in ranges for row in rows if start <= row.created_at < end]
    return sorted(found, key=lambda item: (-item[0], item[1].seq))


def _utc_ms(moment: datetime) -> int:
    return clock.to_ms(moment.astimezone(UTC).replace(tzinfo=None))


def _utc_day(ms: int) -> str:
    return clock.to_datetime(ms).strftime("%Y-%m-%d")


def _local_day(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).strftime("%Y-%m-%d")


def _minutes(ms: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(ms / 1000, zone).utcoffset()
    return int(offset.total_seconds()) // 60 if offset else 0


def _offsets(zone: ZoneInfo, since: int, until: int) -> Iterator[tuple[int, int, int]]:
    """Cut a range where clocks are put forward or back: yield start, end (included) and minutes ahead of UTC."""
    start = since
    while start <= until:
        minutes, same, end = _minutes(start, zone), start, start
        while end < until and _minutes(end, zone) == minutes:
            same, end = end, min(end + _DAY_MS, until)
        if _minutes(end, zone) == minutes:
            same = end
        other = end + 1 if same == end else end
        while other - same > 1:
            middle = (same + other) // 2
            same, other = (middle, other) if _minutes(middle, zone) == minutes else (same, middle)
        yield start, same, minutes
        start = same + 1
