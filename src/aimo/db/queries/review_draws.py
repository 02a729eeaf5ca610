"""Drawing memos to ask about: the ones asked about least first, at random among equals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, func, not_, or_, select

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.schema import Memos, MemoTags, ReviewItems
from aimo.db.statements import in_list, owned, param
from aimo.db.typed import AnySelect, Query, Scalar, table_of

SLOTS: Final = 32
"""How many ranges of time can be left out."""

MATERIAL_CHARACTERS: Final = 1000
"""Characters of a memo that questions and grades are made from."""


class Material(NamedTuple):
    """The beginning of a memo."""

    memo_id: str
    content: str


@dataclass(frozen=True)
class DrawShape:
    """Which of the optional conditions a draw has.

    ``category``: in the bound ``category_id``. ``not_categories``: in none of the bound ``excluded_category_ids``.
    ``tags``: carries all of the bound ``tag_ids`` (``tag_count`` of them). ``not_tags``: carries none of the bound
    ``excluded_tag_ids``. ``not_ranges``: written in none of the bound ranges of time.
    """

    category: bool = False
    not_categories: bool = False
    tags: bool = False
    not_tags: bool = False
    not_ranges: bool = False

    def __str__(self) -> str:
        """Return the names of the conditions, for the register."""
        return ",".join(name for name in _CONDITIONS if getattr(self, name))


_OWN_LIVE = and_(Memos.uid == param("owner"), LIVE)
_CARRIES_EXCLUDED = (
    select(MemoTags.tag_id)
    .where(
        MemoTags.uid == param("owner"),
        MemoTags.memo_id == Memos.memo_id,
        MemoTags.tag_id.in_(in_list("excluded_tag_ids")),
    )
    .correlate(Memos)
    .exists()
)
# Collected from an index of its own, or each memo's row would be read for its category. Memos without one are in none.
_EXCLUDED = (
    select(Memos.memo_id)
    .where(_OWN_LIVE, Memos.category_id.in_(in_list("excluded_category_ids")))
    .group_by(Memos.memo_id)
    .subquery("excluded")
)
_CARRIES_ALL = Memos.memo_id.in_(
    select(MemoTags.memo_id)
    .where(MemoTags.uid == param("owner"), MemoTags.tag_id.in_(in_list("tag_ids")))
    .group_by(MemoTags.memo_id)
    .having(func.count() == param("tag_count"))
)
_IN_RANGES = or_(
    *(
        and_(Memos.created_at >= param(f"start_{slot}"), Memos.created_at < param(f"end_{slot}"))
        for slot in range(SLOTS)
    )
)
_ASKED = (
    select(ReviewItems.memo_id, func.count().label("times"))
    .where(ReviewItems.uid == param("owner"))
    .group_by(ReviewItems.memo_id)
    .subquery("asked")
)

_MATERIAL = Query(
    owned(
        "review_draws.material",
        select(Memos.memo_id, func.substr(Memos.content, 1, MATERIAL_CHARACTERS).label("content")).where(
            _OWN_LIVE, Memos.memo_id.in_(in_list("memo_ids"))
        ),
    ),
    Material,
)


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "category": Memos.category_id == param("category_id"),
    "not_categories": _EXCLUDED.c.memo_id.is_(None),
    "tags": _CARRIES_ALL,
    "not_tags": not_(_CARRIES_EXCLUDED),
    "not_ranges": not_(_IN_RANGES),
}


def _conditions(shape: DrawShape) -> Iterator[ColumnElement[bool]]:
    yield _OWN_LIVE
    yield Memos.created_at >= param("since")
    yield Memos.created_at <= param("until")
    for name, condition in _CONDITIONS.items():
        if getattr(shape, name):
            yield condition


def _drawn_from(shape: DrawShape) -> FromClause:
    joined = table_of(Memos).outerjoin(_ASKED, _ASKED.c.memo_id == Memos.memo_id)
    return joined.outerjoin(_EXCLUDED, _EXCLUDED.c.memo_id == Memos.memo_id) if shape.not_categories else joined


@cache
def _draw(shape: DrawShape) -> Scalar[str]:
    statement = (
        select(Memos.memo_id)
        .select_from(_drawn_from(shape))
        .where(*_conditions(shape))
        .order_by(func.coalesce(_ASKED.c.times, 0), func.random())
        .limit(param("limit"))
    )
    return Scalar[str](owned(f"review_draws.draw[{shape}]", statement))


def all_draws() -> list[AnySelect]:
    """Build, and thereby register, every statement that `draw` can run."""
    return [_draw(DrawShape(*chosen)).statement for chosen in product((False, True), repeat=len(_CONDITIONS))]


async def draw(
    connection: ReadConnection, shape: DrawShape, *, owner: str, values: Mapping[str, object], limit: int
) -> list[str]:
    """Return the ids of that many of the user's memos, or of all where there are fewer.

    ``values`` are those of the shape, ``since`` and ``until``, both included, in epoch milliseconds.
    """
    return await _draw(shape).all(connection, owner=owner, **values, limit=limit)


async def material(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> dict[str, str]:
    """Return the beginnings of those of the user's memos that have one of these ids, at least one, by id."""
    return {row.memo_id: row.content for row in await _MATERIAL.all(connection, owner=owner, memo_ids=memo_ids)}
