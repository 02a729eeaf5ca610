"""Queries on when memos were written, and on the memos picked for a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Integer, and_, bindparam, delete, func, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new, shifted_day
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.schema import DailyRecommendations, Memos
from aimo.db.statements import owned, param
from aimo.db.typed import Command, Query, Scalar, columns_for, table_of, values_for

SLOTS: Final = 32
"""How many ranges `in_ranges` looks into at once."""


class DayRow(NamedTuple):
    """How many memos were written on a day, which databases give as a date or as text."""

    day: object
    memos: int


class MomentRow(NamedTuple):
    """When a memo was written, epoch milliseconds; ``seq`` is its place in the order of insertion."""

    memo_id: str
    created_at: int
    seq: int


class PlacedMemo(NamedTuple):
    """A memo and its place in the order of insertion."""

    memo_id: str
    seq: int


class NewChoice(NamedTuple):
    """What the memos picked for a day are stored with."""

    recommendation_id: str
    uid: str
    date: str
    memo_ids: Sequence[str]
    created_at: int


_OWN_LIVE = and_(Memos.uid == param("owner"), LIVE)
_DAY = func.date(Memos.created_at)
_TODAY = (DailyRecommendations.uid == param("owner"), DailyRecommendations.date == param("day"))

_ACTIVITY = Query(
    owned(
        "insights.activity",
        select(_DAY.label("day"), func.count().label("memos"))
        .where(_OWN_LIVE, Memos.created_at >= param("since"), Memos.created_at <= param("until"))
        .group_by(_DAY)
        .order_by(_DAY),
    ),
    DayRow,
)
_SHIFTED_DAY = shifted_day(Memos.created_at, bindparam("minutes", type_=Integer()))
_ACTIVITY_SHIFTED = Query(
    owned(
        "insights.activity_shifted",
        select(_SHIFTED_DAY.label("day"), func.count().label("memos"))
        .where(_OWN_LIVE, Memos.created_at >= param("since"), Memos.created_at <= param("until"))
        .group_by(literal_column("day")),
    ),
    DayRow,
)
_NEWEST_UNTIL = Scalar[int | None](
    owned(
        "insights.newest_until", select(func.max(Memos.created_at)).where(_OWN_LIVE, Memos.created_at <= param("until"))
    )
)
_IN_RANGES = Query(
    owned(
        "insights.in_ranges",
        select(*columns_for(MomentRow, Memos)).where(
            _OWN_LIVE,
            or_(
                *(
                    and_(Memos.created_at >= param(f"start_{slot}"), Memos.created_at < param(f"end_{slot}"))
                    for slot in range(SLOTS)
                )
            ),
        ),
    ),
    MomentRow,
)
_AT = Query(
    owned(
        "insights.at",
        select(*columns_for(PlacedMemo, Memos))
        .where(_OWN_LIVE)
        .order_by(Memos.created_at, Memos.seq)
        .limit(param("limit"))
        .offset(param("offset")),
    ),
    PlacedMemo,
)
_CHOICE = Scalar[object](owned("recommendations.one", select(DailyRecommendations.memo_ids).where(*_TODAY)))
_CHOICE_FOR_UPDATE = Scalar[object](
    owned("recommendations.for_update", select(DailyRecommendations.memo_ids).where(*_TODAY).with_for_update())
)
_CREATE_CHOICE_UNLESS_KNOWN = Command(
    owned(
        "recommendations.create_new",
        insert_new(table_of(DailyRecommendations)).values(values_for(NewChoice, DailyRecommendations)),
    )
)
_REPLACE_CHOICE = Command(
    owned("recommendations.update", update(DailyRecommendations).where(*_TODAY).values(memo_ids=param("new_memo_ids")))
)
_DELETE_CHOICE = Command(owned("recommendations.delete", delete(DailyRecommendations).where(*_TODAY)))


async def activity(connection: ReadConnection, *, owner: str, since: int, until: int) -> list[DayRow]:
    """Count the memos of each UTC day between two moments, both included, epoch milliseconds."""
    return await _ACTIVITY.all(connection, owner=owner, since=since, until=until)


async def activity_shifted(
    connection: ReadConnection, *, owner: str, since: int, until: int, minutes: int
) -> list[DayRow]:
    """Count the same for each day of a zone that is so many minutes ahead of UTC, in no particular order."""
    return await _ACTIVITY_SHIFTED.all(connection, owner=owner, since=since, until=until, minutes=minutes)


async def newest_until(connection: ReadConnection, *, owner: str, until: int) -> int | None:
    """Return when the latest memo until a moment was written; None without one."""
    return await _NEWEST_UNTIL.one(connection, owner=owner, until=until)


async def in_ranges(connection: ReadConnection, *, owner: str, ranges: Sequence[tuple[int, int]]) -> list[MomentRow]:
    """Return the memos written in these ranges, at least one and at most `SLOTS`, whose ends are exclusive."""
    end_of_first = ranges[0][1]
    # A slot that is not needed gets an empty range.
    slots = [*ranges, *[(end_of_first, end_of_first)] * (SLOTS - len(ranges))]
    values = {f"start_{slot}": start for slot, (start, _) in enumerate(slots)}
    values |= {f"end_{slot}": end for slot, (_, end) in enumerate(slots)}
    return await _IN_RANGES.all(connection, owner=owner, **values)


async def at(connection: ReadConnection, *, owner: str, limit: int, offset: int) -> list[PlacedMemo]:
    """Return ``limit`` of the user's memos from a place on, in the order in which they were written."""
    return await _AT.all(connection, owner=owner, limit=limit, offset=offset)


async def choice(connection: ReadConnection, *, owner: str, day: str) -> object:
    """Load the ids of the memos picked for a day, as JSON; None without any."""
    return await _CHOICE.first(connection, owner=owner, day=day)


async def choice_for_update(connection: AsyncConnection, *, owner: str, day: str) -> object:
    """Load the same and lock it."""
    return await _CHOICE_FOR_UPDATE.first(connection, owner=owner, day=day)


async def create_choice_unless_known(connection: AsyncConnection, new: NewChoice) -> None:
    """Store the memos picked for a day, unless some are."""
    await _CREATE_CHOICE_UNLESS_KNOWN.run(connection, **new._asdict())


async def replace_choice(connection: AsyncConnection, *, owner: str, day: str, memo_ids: Sequence[str]) -> None:
    """Store other memos for a day."""
    await _REPLACE_CHOICE.run(connection, owner=owner, day=day, new_memo_ids=memo_ids)


async def delete_choice(connection: AsyncConnection, *, owner: str, day: str) -> None:
    """Remove what was picked for a day."""
    await _DELETE_CHOICE.run(connection, owner=owner, day=day)
