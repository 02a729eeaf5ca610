"""Daily recommendations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from aimo.db.queries.migration import table_of
from aimo.db.schema import DailyRecommendations
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Change, Into, QuarantineReason, RowMerged, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow

_LONGEST_DATE = 10


class RecommendationMapper(Mapper):
    """Of several for one user and day the newest that is not empty stays.

    See docs/decisions/30-outcome-of-every-row.md.
    """

    source = "daily_recommendations"
    table = table_of(DailyRecommendations)
    key = "recommendationId"
    hashed = (
        (
            "recommendation_id",
            "uid",
            "date",
            "memo_ids",
            "created_at",
        ),
    )
    kinds: ClassVar = {
        "recommendationId": Kind.TEXT,
        "uid": Kind.TEXT,
        "date": Kind.TEXT,
        "memoIds": Kind.TEXTS,
        "createdAt": Kind.MOMENT,
    }
    # For each position that another row of the same day outdoes, that row's id; set by `legacy.plan.duplicates`.
    outdone: Mapping[int, str] = MappingProxyType({})

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the owners, and the days they have recommendations for."""
        uids = column_of(rows, "uid")
        await self.lookups.load_users(uids)
        await self.lookups.load_recommendation_days(uids)

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the recommendation, when it is the one of its day."""
        uid, row_id = fields.owner(self.lookups), fields.id("recommendationId")
        date = fields.text("date", "date")
        if len(date) > _LONGEST_DATE:
            raise RowQuarantined(
                QuarantineReason.TOO_LONG, f"date {date[:50]!r} is longer than {_LONGEST_DATE} characters"
            )
        memo_ids = fields.ids("memoIds", "memo_ids")
        if memo_ids is None:
            fields.note("memo_ids", Change.NULL_FILLED, None, [])
        created_at = fields.moment("createdAt", "created_at")
        if row.number in self.outdone:
            raise RowMerged(self.outdone[row.number], Into.SAME_DAY)
        holder = self.lookups.days.get((uid, date), row_id)
        if holder != row_id:
            raise RowMerged(holder, Into.SAME_DAY)
        values = {
            "recommendation_id": row_id,
            "uid": uid,
            "date": date,
            "memo_ids": memo_ids or [],
            "created_at": created_at,
        }
        return Mapped(values, fields.notes)

    def hold(self, mapped: Mapped) -> None:
        """Take up its day."""
        self.lookups.days[_day(mapped.values)] = mapped.values["recommendation_id"]

    def release(self, held: Mapping[str, object]) -> None:
        """Free the day it had."""
        self.lookups.days.pop(_day(held), None)


def _day(values: Mapping[str, Any]) -> tuple[str, str]:
    return values["uid"], values["date"]
