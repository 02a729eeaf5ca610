"""Queries on logins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, delete, false, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.users import ACTIVE
from aimo.db.schema import Sessions, Users
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, table_of, values_for


class AuthenticationRow(NamedTuple):
    """A user, and the session that a token names; without one its three columns are None. Times are epoch ms."""

    uid: str
    email: str | None
    nickname: str | None
    tokens_valid_from: int | None
    session_id: str | None
    ended: bool | None
    last_used_at: int | None


class SessionRow(NamedTuple):
    """A login; times are epoch milliseconds."""

    session_id: str
    address: str
    user_agent: str
    created_at: int
    last_used_at: int
    expires_at: int


class NewSession(NamedTuple):
    """What a login is stored with."""

    session_id: str
    uid: str
    address: str
    user_agent: str
    ended: bool
    created_at: int
    last_used_at: int
    expires_at: int


_OWN = Sessions.uid == param("owner")
_OPEN = Sessions.ended == false()

# Runs for every request.
_AUTHENTICATE = Query(
    owned(
        "sessions.authenticate",
        select(
            Users.uid,
            Users.email,
            Users.nickname,
            Users.tokens_valid_from,
            Sessions.session_id,
            Sessions.ended,
            Sessions.last_used_at,
        )
        .select_from(Users)
        .outerjoin(Sessions, and_(Sessions.session_id == param("session_id"), _OWN))
        .where(Users.uid == param("owner"), ACTIVE),
    ),
    AuthenticationRow,
)
_CREATE_UNLESS_KNOWN = Command(
    owned("sessions.create", insert_new(table_of(Sessions)).values(values_for(NewSession, Sessions)))
)
_OF_USER = Query(
    owned(
        "sessions.of_user",
        select(*columns_for(SessionRow, Sessions))
        .where(_OWN, _OPEN, Sessions.expires_at > param("now"))
        .order_by(Sessions.created_at.desc())
        .limit(param("limit")),
    ),
    SessionRow,
)
_BEYOND = Scalar[str](
    owned(
        "sessions.beyond",
        select(Sessions.session_id)
        .where(_OWN, _OPEN)
        # Of a clock that was ahead nobody knows how old they are: they go first.
        .order_by(Sessions.created_at > param("now"), Sessions.created_at.desc())
        .offset(param("offset"))
        .limit(param("limit")),
    )
)
_TOUCH = Command(
    owned(
        "sessions.touch",
        update(Sessions).where(_OWN, Sessions.session_id == param("id")).values(last_used_at=param("now")),
    )
)
_END = Command(
    owned("sessions.end", delete(Sessions).where(_OWN, _OPEN, Sessions.session_id.in_(in_list("session_ids"))))
)
_END_OTHERS = Command(
    owned("sessions.end_others", delete(Sessions).where(_OWN, _OPEN, Sessions.session_id != param("kept_id")))
)
_DELETE_EXPIRED = Command(
    unscoped(
        "sessions.delete_expired",
        delete(Sessions).where(Sessions.expires_at <= param("now")),
        reason="what has expired means nothing any more, whose ever it was",
    )
)
_END_ALL = Command(
    unscoped(
        "sessions.end_all",
        delete(Sessions).where(_OPEN),
        reason="a restored backup cannot know which sessions have ended since it was made",
    )
)


async def authenticate(connection: ReadConnection, *, owner: str, session_id: str) -> AuthenticationRow | None:
    """Load an active user, and the session of this id where the user has it; None without the user."""
    return await _AUTHENTICATE.first(connection, owner=owner, session_id=session_id)


async def create_unless_known(connection: AsyncConnection, session: NewSession) -> None:
    """Store a login, unless there is one of its id."""
    await _CREATE_UNLESS_KNOWN.run(connection, **session._asdict())


async def of_user(connection: ReadConnection, *, owner: str, now: int, limit: int) -> list[SessionRow]:
    """Load the sessions of a user that are open at a moment, the latest login first."""
    return await _OF_USER.all(connection, owner=owner, now=now, limit=limit)


async def ids_beyond(connection: ReadConnection, *, owner: str, number: int, now: int, limit: int) -> list[str]:
    """Return the ids of open sessions without the latest ``number`` of them that were opened by now."""
    return await _BEYOND.all(connection, owner=owner, offset=number, now=now, limit=limit)


async def touch(connection: AsyncConnection, *, owner: str, session_id: str, now: int) -> None:
    """Store when a session was last used."""
    await _TOUCH.run(connection, owner=owner, id=session_id, now=now)


async def end(connection: AsyncConnection, *, owner: str, session_ids: Sequence[str]) -> int:
    """End these sessions, at least one, as far as they are open and the user's; return how many were."""
    return await _END.run(connection, owner=owner, session_ids=session_ids)


async def end_others(connection: AsyncConnection, *, owner: str, kept_id: str) -> int:
    """End all open sessions of a user but one; return how many."""
    return await _END_OTHERS.run(connection, owner=owner, kept_id=kept_id)


async def delete_expired(connection: AsyncConnection, *, now: int) -> None:
    """Remove the sessions of all users that have expired at a moment."""
    await _DELETE_EXPIRED.run(connection, now=now)


async def end_all(connection: AsyncConnection) -> None:
    """End the open sessions of all users."""
    await _END_ALL.run(connection)
