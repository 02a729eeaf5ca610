"""Statements on when memos were written, and on the memos picked for a day."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, and_, delete, func, or_, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import DailyRecommendations, Memos
from aimo.db.statements import owned, param

SLOTS = 32
"""How many ranges `IN_RANGES` looks into: bound as ``start_0``, ``end_0`` and so on, ends exclusive."""

_MINE = Memos.uid == param("owner")
_DAY = func.date(Memos.created_at)
_TODAY = (DailyRecommendations.uid == param("owner"), DailyRecommendations.date == param("day"))

ACTIVITY = owned(
    "insights.activity",
    select(_DAY, func.count())
    .where(_MINE, Memos.created_at >= param("since"), Memos.created_at <= param("until"))
    .group_by(_DAY)
    .order_by(_DAY),
)
NEWEST_UNTIL = owned(
    "insights.newest_until", select(func.max(Memos.created_at)).where(_MINE, Memos.created_at <= param("until"))
)
IN_RANGES = owned(
    "insights.in_ranges",
    select(Memos.memo_id, Memos.created_at, Memos.seq).where(
        _MINE,
        or_(
            *(
                and_(Memos.created_at >= param(f"start_{slot}"), Memos.created_at < param(f"end_{slot}"))
                for slot in range(SLOTS)
            )
        ),
    ),
)
AT = owned(
    "insights.at",
    select(Memos.memo_id, Memos.seq)
    .where(_MINE)
    .order_by(Memos.created_at, Memos.seq)
    .limit(param("limit"))
    .offset(param("offset")),
)

PICKED = owned("recommendations.one", select(DailyRecommendations.memo_ids).where(*_TODAY))
PICKED_FOR_UPDATE = owned(
    "recommendations.for_update", select(DailyRecommendations.memo_ids).where(*_TODAY).with_for_update()
)
PICK = owned(
    "recommendations.create_new",
    insert_new(cast(Table, DailyRecommendations.__table__)).values(
        recommendation_id=param("recommendation_id"),
        uid=param("uid"),
        date=param("date"),
        memo_ids=param("memo_ids"),
        created_at=param("now"),
    ),
)
PICK_AGAIN = owned(
    "recommendations.update", update(DailyRecommendations).where(*_TODAY).values(memo_ids=param("new_memo_ids"))
)
UNPICK = owned("recommendations.delete", delete(DailyRecommendations).where(*_TODAY))
