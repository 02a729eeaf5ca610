"""Queries on reviews: profiles, sessions, and the questions of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import ReviewItems, ReviewProfiles, ReviewSessions
from aimo.db.statements import owned, param
from aimo.db.typed import Command, Query, Scalar, columns_for, values_for


class ReviewProfileRow(NamedTuple):
    """A profile as it is stored: which memos are asked about, and how many at a time.

    ``filter_rules`` is a JSON list of objects, None for none; ``user_model_id`` None stands for the server's model.
    Times are epoch milliseconds.
    """

    profile_id: str
    uid: str
    name: str
    filter_rules: list[object] | None
    question_count: int
    user_model_id: str | None
    created_at: int
    updated_at: int


class ReviewSessionRow(NamedTuple):
    """A review as it is stored. Times are epoch milliseconds, ``completed_at`` None until it is completed."""

    session_id: str
    uid: str
    profile_id: str | None
    scope: str
    scope_value: str | None
    status: str
    score: int | None
    created_at: int
    completed_at: int | None


class ReviewItemRow(NamedTuple):
    """A question of a review as it is stored; ``position`` is its place in it, from 0."""

    item_id: str
    session_id: str
    uid: str
    memo_id: str
    question: str
    user_answer: str | None
    ai_feedback: str | None
    mastery: str | None
    position: int


class SummaryRow(NamedTuple):
    """A review without its questions."""

    session_id: str
    scope: str
    scope_value: str | None
    score: int | None
    created_at: int
    completed_at: int | None
    items: int


_FIXED = ("profile_id", "uid", "created_at")
_CHANGEABLE = [name for name in ReviewProfileRow._fields if name not in _FIXED]
_PROFILE_COLUMNS = columns_for(ReviewProfileRow, ReviewProfiles)
_MY_PROFILES = ReviewProfiles.uid == param("owner")
_PROFILE = (_MY_PROFILES, ReviewProfiles.profile_id == param("profile"))
_SESSION_COLUMNS = columns_for(ReviewSessionRow, ReviewSessions)
_MY_SESSIONS = ReviewSessions.uid == param("owner")
_SESSION = (_MY_SESSIONS, ReviewSessions.session_id == param("session"))
_ITEM_COLUMNS = columns_for(ReviewItemRow, ReviewItems)
_MY_ITEMS = ReviewItems.uid == param("owner")
_OF_SESSION = (_MY_ITEMS, ReviewItems.session_id == param("session"))
_ITEM = (*_OF_SESSION, ReviewItems.item_id == param("item"))
_ITEM_COUNT = (
    select(func.count())
    .where(ReviewItems.session_id == ReviewSessions.session_id, _MY_ITEMS)
    .correlate(ReviewSessions)
    .scalar_subquery()
)

_PROFILES_OF_USER = Query(
    owned(
        "reviews.profiles",
        select(*_PROFILE_COLUMNS)
        .where(_MY_PROFILES)
        .order_by(ReviewProfiles.created_at.desc(), ReviewProfiles.seq.desc()),
    ),
    ReviewProfileRow,
)
_GET_PROFILE = Query(owned("reviews.profile", select(*_PROFILE_COLUMNS).where(*_PROFILE)), ReviewProfileRow)
_PROFILE_FOR_UPDATE = Query(
    owned("reviews.profile_for_update", select(*_PROFILE_COLUMNS).where(*_PROFILE).with_for_update()), ReviewProfileRow
)
_CREATE_PROFILE = Command(
    owned(
        "reviews.create_profile",
        insert(ReviewProfiles).values({name: param(name) for name in (*ReviewProfileRow._fields, "seq")}),
    )
)
_UPDATE_PROFILE = Command(
    owned(
        "reviews.update_profile",
        update(ReviewProfiles).where(*_PROFILE).values({name: param(f"new_{name}") for name in _CHANGEABLE}),
    )
)
_DELETE_PROFILE = Command(owned("reviews.delete_profile", delete(ReviewProfiles).where(*_PROFILE)))
_FORGET_MODEL = Command(
    owned(
        "reviews.forget_model",
        update(ReviewProfiles)
        .where(_MY_PROFILES, ReviewProfiles.user_model_id == param("model"))
        .values(user_model_id=None),
    )
)
_GET_SESSION = Query(owned("reviews.session", select(*_SESSION_COLUMNS).where(*_SESSION)), ReviewSessionRow)
_SESSION_FOR_UPDATE = Query(
    owned("reviews.session_for_update", select(*_SESSION_COLUMNS).where(*_SESSION).with_for_update()), ReviewSessionRow
)
_CREATE_SESSION = Command(
    owned(
        "reviews.create_session",
        insert(ReviewSessions).values({name: param(name) for name in (*ReviewSessionRow._fields, "seq")}),
    )
)
_SET_RESULT = Command(
    owned(
        "reviews.set_result",
        update(ReviewSessions)
        .where(*_SESSION)
        .values(status=param("new_status"), score=param("new_score"), completed_at=param("completed")),
    )
)
_HISTORY = Query(
    owned(
        "reviews.history",
        select(
            ReviewSessions.session_id,
            ReviewSessions.scope,
            ReviewSessions.scope_value,
            ReviewSessions.score,
            ReviewSessions.created_at,
            ReviewSessions.completed_at,
            _ITEM_COUNT.label("items"),
        )
        .where(_MY_SESSIONS)
        .order_by(ReviewSessions.created_at.desc(), ReviewSessions.seq.desc())
        .limit(param("limit")),
    ),
    SummaryRow,
)
_ITEMS = Query(
    owned("reviews.items", select(*_ITEM_COLUMNS).where(*_OF_SESSION).order_by(ReviewItems.position)), ReviewItemRow
)
_GET_ITEM = Query(owned("reviews.item", select(*_ITEM_COLUMNS).where(*_ITEM)), ReviewItemRow)
_CREATE_ITEMS = Command(
    owned("reviews.create_items", insert(ReviewItems).values(values_for(ReviewItemRow, ReviewItems)))
)
_SET_ANSWER = Command(
    owned(
        "reviews.set_answer",
        update(ReviewItems)
        .where(*_ITEM)
        .values(user_answer=param("new_answer"), ai_feedback=param("new_feedback"), mastery=param("new_mastery")),
    )
)
_MASTERIES = Scalar[str | None](owned("reviews.masteries", select(ReviewItems.mastery).where(*_OF_SESSION)))


async def profiles(connection: ReadConnection, *, owner: str) -> list[ReviewProfileRow]:
    """Load the user's profiles, newest first."""
    return await _PROFILES_OF_USER.all(connection, owner=owner)


async def profile(connection: ReadConnection, *, owner: str, profile_id: str) -> ReviewProfileRow | None:
    """Load a profile; None where the user has none of this id."""
    return await _GET_PROFILE.first(connection, owner=owner, profile=profile_id)


async def profile_for_update(connection: AsyncConnection, *, owner: str, profile_id: str) -> ReviewProfileRow | None:
    """Load a profile and lock it until the transaction ends."""
    return await _PROFILE_FOR_UPDATE.first(connection, owner=owner, profile=profile_id)


async def create_profile(connection: AsyncConnection, row: ReviewProfileRow, *, seq: int) -> None:
    """Store a profile; ``seq`` is its place in the order of insertion."""
    await _CREATE_PROFILE.run(connection, **row._asdict(), seq=seq)


async def update_profile(connection: AsyncConnection, row: ReviewProfileRow) -> None:
    """Store what has changed of a profile, whose id, owner and time of creation stay."""
    changed = {f"new_{name}": getattr(row, name) for name in _CHANGEABLE}
    await _UPDATE_PROFILE.run(connection, owner=row.uid, profile=row.profile_id, **changed)


async def delete_profile(connection: AsyncConnection, *, owner: str, profile_id: str) -> bool:
    """Remove a profile; its sessions stay. False where the user has none of this id."""
    return bool(await _DELETE_PROFILE.run(connection, owner=owner, profile=profile_id))


async def forget_model(connection: AsyncConnection, *, owner: str, model_id: str) -> None:
    """Let the server's model ask for every profile of the user that named this one."""
    await _FORGET_MODEL.run(connection, owner=owner, model=model_id)


async def session(connection: ReadConnection, *, owner: str, session_id: str) -> ReviewSessionRow | None:
    """Load a session; None where the user has none of this id."""
    return await _GET_SESSION.first(connection, owner=owner, session=session_id)


async def session_for_update(connection: AsyncConnection, *, owner: str, session_id: str) -> ReviewSessionRow | None:
    """Load a session and lock it until the transaction ends."""
    return await _SESSION_FOR_UPDATE.first(connection, owner=owner, session=session_id)


async def create_session(
    connection: AsyncConnection, row: ReviewSessionRow, items: Sequence[ReviewItemRow], *, seq: int
) -> None:
    """Store a session with its questions; ``seq`` is its place in the order of insertion."""
    await _CREATE_SESSION.run(connection, **row._asdict(), seq=seq)
    await _CREATE_ITEMS.run_many(connection, [item._asdict() for item in items])


async def set_result(
    connection: AsyncConnection, *, owner: str, session_id: str, score: int, completed_at: int | None
) -> None:
    """Store the score of a session, and since when it is completed."""
    await _SET_RESULT.run(
        connection, owner=owner, session=session_id, new_status="completed", new_score=score, completed=completed_at
    )


async def history(connection: ReadConnection, *, owner: str, limit: int) -> list[SummaryRow]:
    """Load the user's latest sessions, newest first."""
    return await _HISTORY.all(connection, owner=owner, limit=limit)


async def items(connection: ReadConnection, *, owner: str, session_id: str) -> list[ReviewItemRow]:
    """Load the questions of a session in order."""
    return await _ITEMS.all(connection, owner=owner, session=session_id)


async def item(connection: ReadConnection, *, owner: str, session_id: str, item_id: str) -> ReviewItemRow | None:
    """Load a question of a session; None where the user's session has none of this id."""
    return await _GET_ITEM.first(connection, owner=owner, session=session_id, item=item_id)


async def set_answer(
    connection: AsyncConnection, row: ReviewItemRow, *, answer: str, feedback: str | None, mastery: str | None
) -> None:
    """Store what the user answered, and what it was worth; None where that is not known."""
    await _SET_ANSWER.run(
        connection,
        owner=row.uid,
        session=row.session_id,
        item=row.item_id,
        new_answer=answer,
        new_feedback=feedback,
        new_mastery=mastery,
    )


async def masteries(connection: ReadConnection, *, owner: str, session_id: str) -> list[str | None]:
    """Return what each answer of a session was worth, in no particular order."""
    return await _MASTERIES.all(connection, owner=owner, session=session_id)
