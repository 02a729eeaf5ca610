"""Looking back: how much was written when, and what was written on this day.

See docs/contract/insights.md#activity, docs/contract/insights.md#on-this-day.
"""

from __future__ import annotations

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

    async def activity(self, uid: str, days: float) -> Activity:
        """Return how many memos the user wrote on each day (UTC) of the last ``days`` days."""
        until = clock.now_ms()
        since = until - int(days * _DAY_MS)
        async with self._database.reads() as connection:
            rows = await insight_queries.activity(connection, owner=uid, since=since, until=until)
        items = [DayCount(date=str(row.day), count=row.memos) for row in rows]
        return Activity(items=items, start_date=_utc_day(since), end_date=_utc_day(until))

    async def on_this_day(self, uid: str) -> OnThisDay:
        """Return the memos of today's month and day in other years: latest year first, then as written."""
        today = clock.local_day(self._zone)
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
                ranges = list(islice(self._ranges(years, this_year, month, day), SLOTS))
                found += await _rows_in(connection, uid, ranges)
                until = ranges[-1][1] - 1 if len(ranges) == SLOTS else None
            chosen = {row.memo_id: year for year, row in found[:_MOST_ANNIVERSARIES]}
            rows = await load_rows_by_ids(connection, uid, list(chosen))
        items = [
            Anniversary(memo_id=row.memo_id, content=row.content, created_at=row.created_at, year=chosen[row.memo_id])
            for row in rows
        ]
        return OnThisDay(items=items, total=len(items), today_month_day=today[5:])

    def _ranges(self, years: range, this_year: int, month: int, day: int) -> Iterator[tuple[int, int, int]]:
        """Year, start and end of the day in every year that has it, epoch milliseconds, the end exclusive."""
        for year in years:
            if year == this_year:
                continue
            try:
                start = datetime(year, month, day)
                end = start + timedelta(days=1)
                yield year, _utc_ms(start.replace(tzinfo=self._zone)), _utc_ms(end.replace(tzinfo=self._zone))
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
