"""Statements on the cards of spaced repetition: which are due, and what a review makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.schema import Memos, MemoTags, SpacedRepetitionCards
from aimo.db.statements import in_list, owned, param
from aimo.db.typed import AnySelect, Command, Query, Scalar, columns_for, table_of, values_for
from aimo.db.types import Millis

SLOTS: Final = 8
"""How many ranges of time of each kind can be told apart."""

BEGINNING: Final = 400
"""Characters of a memo that a card is shown with."""


class CardRow(NamedTuple):
    """A card as it is stored: the state of a schedule. Times are epoch milliseconds."""

    card_id: str
    uid: str
    memo_id: str
    ease_factor: float
    interval_days: int
    repetitions: int
    lapse_count: int
    next_review_at: int
    last_review_at: int | None
    created_at: int


class NewCard(NamedTuple):
    """What a card is stored with; the rest is that of a fresh one."""

    card_id: str
    uid: str
    memo_id: str
    next_review_at: int
    seq: int
    created_at: int


class DueCard(NamedTuple):
    """A card and the beginning of its memo; ``next_review_at`` is in epoch milliseconds."""

    card_id: str
    memo_id: str
    content: str
    ease_factor: float
    interval_days: int
    repetitions: int
    lapse_count: int
    next_review_at: int


@dataclass(frozen=True)
class RuleShape:
    """Which of the optional conditions apply: rules that keep memos out, and rules of which one must let them in.

    ``ranges`` are those of either kind, of times of creation.
    """

    excluded: bool = False
    included: bool = False
    ranges: bool = False

    def __str__(self) -> str:
        """Return the names of the conditions, for the register."""
        return ",".join(name for name in ("excluded", "included", "ranges") if getattr(self, name))


def _matches(kind: str, *, ranges: bool) -> ColumnElement[bool]:
    tagged = (
        select(MemoTags.tag_id)
        .where(
            MemoTags.uid == param("owner"),
            MemoTags.memo_id == Memos.memo_id,
            MemoTags.tag_id.in_(in_list(f"{kind}_tag_ids")),
        )
        .correlate(Memos)
        .exists()
    )
    # Lists are bound for IN alone, and NULL is in no list: CASE makes it a plain no.
    in_category = case((Memos.category_id.in_(in_list(f"{kind}_category_ids")), 1), else_=0) == 1
    within = [
        and_(Memos.created_at >= param(f"{kind}_start_{slot}"), Memos.created_at < param(f"{kind}_end_{slot}"))
        for slot in range(SLOTS if ranges else 0)
    ]
    return or_(in_category, tagged, *within)


def _eligible(shape: RuleShape) -> Iterator[ColumnElement[bool]]:
    yield Memos.uid == param("owner")
    yield LIVE
    if shape.excluded:
        yield not_(_matches("excluded", ranges=shape.ranges))
    if shape.included:
        yield _matches("included", ranges=shape.ranges)


_MINE = SpacedRepetitionCards.uid == param("owner")
_ITS_MEMO = and_(SpacedRepetitionCards.memo_id == Memos.memo_id, _MINE)
_DUE = SpacedRepetitionCards.next_review_at <= param("now")
_SHOWN = (
    SpacedRepetitionCards.card_id,
    SpacedRepetitionCards.memo_id,
    func.substr(Memos.content, 1, BEGINNING).label("content"),
    SpacedRepetitionCards.ease_factor,
    SpacedRepetitionCards.interval_days,
    SpacedRepetitionCards.repetitions,
    SpacedRepetitionCards.lapse_count,
    SpacedRepetitionCards.next_review_at,
)


@cache
def _due(shape: RuleShape) -> Query[DueCard]:
    statement = (
        select(*_SHOWN)
        .join(Memos, _ITS_MEMO)
        .where(_MINE, _DUE, *_eligible(shape))
        .order_by(SpacedRepetitionCards.next_review_at, SpacedRepetitionCards.seq)
        .limit(param("limit"))
    )
    return Query(owned(f"cards.due[{shape}]", statement), DueCard)


@cache
def _count(shape: RuleShape, *, due: bool) -> Scalar[int]:
    statement = select(func.count()).select_from(SpacedRepetitionCards).join(Memos, _ITS_MEMO)
    statement = statement.where(_MINE, *([_DUE] if due else []), *_eligible(shape))
    return Scalar[int](owned(f"cards.count[{shape}]{'due' if due else 'all'}", statement))


@cache
def _import(shape: RuleShape) -> Command:
    missing = not_(
        select(SpacedRepetitionCards.card_id)
        .where(SpacedRepetitionCards.memo_id == Memos.memo_id, _MINE)
        .correlate(Memos)
        .exists()
    )
    source = select(
        # The id of a memo stands for the random part, so that one statement makes all cards.
        literal_column("'ri'", String).concat(func.substr(Memos.memo_id, 1, 189)),
        Memos.uid,
        Memos.memo_id,
        bindparam("next_review_at", type_=Millis),
        Memos.seq,
        bindparam("now", type_=Millis),
    ).where(*_eligible(shape), missing)
    statement = insert_new(table_of(SpacedRepetitionCards)).from_select(list(NewCard._fields), source)
    return Command(owned(f"cards.import[{shape}]", statement))


_CREATE = Command(
    owned("cards.create", insert(SpacedRepetitionCards).values(values_for(NewCard, SpacedRepetitionCards)))
)
_GET_FOR_UPDATE = Query(
    owned(
        "cards.for_update",
        select(*columns_for(CardRow, SpacedRepetitionCards))
        .join(Memos, _ITS_MEMO)
        .where(_MINE, SpacedRepetitionCards.card_id == param("id"), Memos.uid == param("owner"), LIVE)
        .with_for_update(),
    ),
    CardRow,
)
_CHANGED = ("ease_factor", "interval_days", "repetitions", "lapse_count", "next_review_at", "last_review_at")
_REVIEW = Command(
    owned(
        "cards.review",
        update(SpacedRepetitionCards)
        .where(_MINE, SpacedRepetitionCards.card_id == param("id"))
        .values({name: param(f"new_{name}") for name in _CHANGED}),
    )
)

SHAPES: Final = [RuleShape(*chosen) for chosen in product((False, True), repeat=3)]


def all_statements() -> list[AnySelect]:
    """Build, and thereby register, every statement that depends on rules."""
    for shape in SHAPES:
        _import(shape)
    selects = [[_due(shape), _count(shape, due=True), _count(shape, due=False)] for shape in SHAPES]
    return [each.statement for group in selects for each in group]


async def create(connection: AsyncConnection, card: NewCard) -> None:
    """Store a fresh card."""
    await _CREATE.run(connection, **card._asdict())


async def due(
    connection: ReadConnection, shape: RuleShape, *, owner: str, values: Mapping[str, object], now: int, limit: int
) -> list[DueCard]:
    """Load the cards of eligible live memos that are due, the longest first. ``values`` are those of the shape."""
    return await _due(shape).all(connection, owner=owner, **values, now=now, limit=limit)


async def count_due(
    connection: ReadConnection, shape: RuleShape, *, owner: str, values: Mapping[str, object], now: int
) -> int:
    """Count the cards of eligible live memos that are due."""
    return await _count(shape, due=True).one(connection, owner=owner, **values, now=now)


async def count_all(connection: ReadConnection, shape: RuleShape, *, owner: str, values: Mapping[str, object]) -> int:
    """Count the cards of eligible live memos."""
    return await _count(shape, due=False).one(connection, owner=owner, **values)


async def create_missing(
    connection: AsyncConnection,
    shape: RuleShape,
    *,
    owner: str,
    values: Mapping[str, object],
    next_review_at: int,
    now: int,
) -> int:
    """Store fresh cards for the eligible live memos that have none; return how many."""
    return await _import(shape).run(connection, owner=owner, **values, next_review_at=next_review_at, now=now)


async def get_for_update(connection: AsyncConnection, *, owner: str, card_id: str) -> CardRow | None:
    """Load the card of a live memo and lock it until the transaction ends."""
    return await _GET_FOR_UPDATE.first(connection, owner=owner, id=card_id)


async def store_review(connection: AsyncConnection, card: CardRow) -> None:
    """Store what a review has changed of a card."""
    changed = {f"new_{name}": getattr(card, name) for name in _CHANGED}
    await _REVIEW.run(connection, owner=card.uid, id=card.card_id, **changed)
