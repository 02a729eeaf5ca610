"""Looking back at one's memos (docs/contract/insights.md)."""

from __future__ import annotations

from aimo.dto.base import Annotated, Dto, Meta


class DayCount(Dto):
    """How much was written on a day."""

    date: Annotated[str, Meta(description="The day in UTC, `YYYY-MM-DD`.")]
    count: Annotated[int, Meta(description="How many memos were written.")]


class Activity(Dto):
    """How much was written in a span of time."""

    items: Annotated[list[DayCount], Meta(description="The days with memos, oldest first.")]
    start_date: Annotated[str, Meta(description="The first day in UTC, `YYYY-MM-DD`.")]
    end_date: Annotated[str, Meta(description="The last day in UTC, `YYYY-MM-DD`.")]


class Anniversary(Dto):
    """A memo of this day in another year."""

    memo_id: Annotated[str, Meta(description="Id of the memo.")]
    content: Annotated[str, Meta(description="Its text.")]
    created_at: Annotated[int, Meta(description="When it was written, epoch milliseconds.")]
    year: Annotated[int, Meta(description="The year in which it was written, in the server's zone.")]


class OnThisDay(Dto):
    """The memos of this day in other years."""

    items: Annotated[list[Anniversary], Meta(description="At most ten, the latest year first.")]
    total: Annotated[int, Meta(description="How many these are.")]
    today_month_day: Annotated[str, Meta(description="Today in the server's zone, `MM-DD`.")]
