"""Statements on times that lie further ahead than any rule puts them: a clock that was ahead has written them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import and_, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import IN_TRASH
from aimo.db.queries.spaced_repetition import RemindedUser
from aimo.db.schema import Memos, SpacedRepetitionCards, Users
from aimo.db.statements import in_list, param, unscoped
from aimo.db.typed import Command, Query, following
from aimo.db.types import Millis

_REASON: Final = "times are looked at for the whole installation, some users at a time"


class TooFarAhead(NamedTuple):
    """A row and its owner."""

    uid: str
    row_id: str


@dataclass(frozen=True)
class Bounds:
    """The latest times that rules give, at a moment; epoch milliseconds, and a day ``YYYY-MM-DD``.

    ``fresh`` is that of a card nobody has answered, ``answered`` that of any card, ``past`` that of what has happened,
    and ``day`` that of a reminder.
    """

    now: int
    past: int
    fresh: int
    answered: int
    day: str


_CARDS = and_(
    SpacedRepetitionCards.next_review_at > param("fresh"),
    or_(
        SpacedRepetitionCards.next_review_at > param("answered"),
        SpacedRepetitionCards.last_review_at.is_(None),
        SpacedRepetitionCards.last_review_at > param("past"),
    ),
)
_TRASHED = and_(Memos.uid.in_(in_list("uids")), IN_TRASH, Memos.deleted_at > param("past"))
_REMINDED = and_(Users.uid.in_(in_list("uids")), Users.sr_reminded_on > param("day"))

_NEXT_USERS = Query(
    unscoped("stored_times.next_users", following(Users.uid, Users.uid, Users.sr_reminded_on), reason=_REASON),
    RemindedUser,
)
_FIND_CARDS = Query(
    unscoped(
        "stored_times.cards",
        select(SpacedRepetitionCards.uid, SpacedRepetitionCards.card_id.label("row_id"))
        .where(SpacedRepetitionCards.uid.in_(in_list("uids")), _CARDS)
        .limit(param("limit")),
        reason=_REASON,
    ),
    TooFarAhead,
)
_FIND_TRASHED = Query(
    unscoped(
        "stored_times.trashed",
        select(Memos.uid, Memos.memo_id.label("row_id")).where(_TRASHED).limit(param("limit")),
        reason=_REASON,
    ),
    TooFarAhead,
)
_HEAL_CARDS = Command(
    unscoped(
        "stored_times.heal_cards",
        update(SpacedRepetitionCards)
        .where(SpacedRepetitionCards.card_id.in_(in_list("card_ids")), _CARDS)
        .values(
            next_review_at=param("new_due"),
            last_review_at=case(
                (SpacedRepetitionCards.last_review_at > param("past"), bindparam("new_answered", type_=Millis)),
                else_=SpacedRepetitionCards.last_review_at,
            ),
        ),
        reason=_REASON,
    )
)
_HEAL_TRASHED = Command(
    unscoped(
        "stored_times.heal_trashed",
        update(Memos).where(_TRASHED).values(deleted_at=param("new_deleted_at")),
        reason=_REASON,
    )
)
_HEAL_REMINDED = Command(
    unscoped("stored_times.heal_reminded", update(Users).where(_REMINDED).values(sr_reminded_on=None), reason=_REASON)
)


async def next_users(connection: ReadConnection, *, after: str, limit: int) -> list[RemindedUser]:
    """Return the next users behind an id, and when they were reminded of reviews."""
    return await _NEXT_USERS.all(connection, after=after, limit=limit)


async def cards(connection: ReadConnection, bounds: Bounds, *, uids: Sequence[str], limit: int) -> list[TooFarAhead]:
    """Return cards of these users, at least one, that are due later than any answer of the past makes them."""
    values = {"fresh": bounds.fresh, "answered": bounds.answered, "past": bounds.past}
    return await _FIND_CARDS.all(connection, uids=uids, limit=limit, **values)


async def trashed(connection: ReadConnection, bounds: Bounds, *, uids: Sequence[str], limit: int) -> list[TooFarAhead]:
    """Return memos of these users, at least one, that were deleted in the future."""
    return await _FIND_TRASHED.all(connection, uids=uids, past=bounds.past, limit=limit)


async def heal(connection: AsyncConnection, bounds: Bounds, *, uids: Sequence[str], card_ids: Sequence[str]) -> int:
    """Put what is too far ahead at now: these cards, and what else there is of these users, at least one.

    Cards are due, memos were deleted, and nobody was reminded yet. Return how many rows that were.
    """
    values = {"fresh": bounds.fresh, "answered": bounds.answered, "past": bounds.past}
    cards_healed = await _HEAL_CARDS.run(
        connection, card_ids=card_ids, new_due=bounds.now, new_answered=bounds.now, **values
    )
    trashed_healed = await _HEAL_TRASHED.run(connection, uids=uids, past=bounds.past, new_deleted_at=bounds.now)
    return cards_healed + trashed_healed + await _HEAL_REMINDED.run(connection, uids=uids, day=bounds.day)
