"""Queries on personal access tokens."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.users import ACTIVE
from aimo.db.schema import AccessTokens, Users
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, values_for


class PresentedTokenRow(NamedTuple):
    """A token that a request presents, and its user. Times are epoch milliseconds."""

    uid: str
    email: str | None
    nickname: str | None
    secret_hash: str
    scopes: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None


class AccessTokenRow(NamedTuple):
    """A token as its owner sees it; times are epoch milliseconds."""

    token_id: str
    name: str
    scopes: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None


class NewAccessToken(NamedTuple):
    """What a token is stored with."""

    token_id: str
    uid: str
    name: str
    secret_hash: str
    scopes: str
    seq: int
    created_at: int
    expires_at: int | None


_OWN = AccessTokens.uid == param("owner")
_ONE = (_OWN, AccessTokens.token_id == param("token"))

# Runs for every request with such a token.
_PRESENTED = Query(
    unscoped(
        "access_tokens.presented",
        select(
            Users.uid,
            Users.email,
            Users.nickname,
            AccessTokens.secret_hash,
            AccessTokens.scopes,
            AccessTokens.created_at,
            AccessTokens.expires_at,
            AccessTokens.last_used_at,
        )
        .select_from(AccessTokens)
        .join(Users, Users.uid == AccessTokens.uid)
        .where(AccessTokens.token_id == param("token"), ACTIVE),
        reason="the token tells who its owner is",
    ),
    PresentedTokenRow,
)
_OF_USER = Query(
    owned(
        "access_tokens.of_user",
        select(*columns_for(AccessTokenRow, AccessTokens)).where(_OWN).order_by(AccessTokens.seq.desc()),
    ),
    AccessTokenRow,
)
_COUNT = Scalar[int](owned("access_tokens.count", select(func.count()).select_from(AccessTokens).where(_OWN)))
_CREATE = Command(owned("access_tokens.create", insert(AccessTokens).values(values_for(NewAccessToken, AccessTokens))))
_TOUCH = Command(owned("access_tokens.touch", update(AccessTokens).where(*_ONE).values(last_used_at=param("now"))))
_DELETE = Command(owned("access_tokens.delete", delete(AccessTokens).where(*_ONE)))
_DELETE_ALL_OF_USER = Command(owned("access_tokens.delete_all_of_user", delete(AccessTokens).where(_OWN)))
_DELETE_EXPIRED = Command(
    unscoped(
        "access_tokens.delete_expired",
        delete(AccessTokens).where(AccessTokens.expires_at <= param("before")),
        reason="what has expired long ago means nothing any more, whose ever it was",
    )
)
_DELETE_ALL = Command(
    unscoped(
        "access_tokens.delete_all",
        delete(AccessTokens),
        reason="a restored backup cannot know which tokens have been revoked since it was made",
    )
)


async def presented(connection: ReadConnection, *, token_id: str) -> PresentedTokenRow | None:
    """Load the token of this id with its user, if that is active."""
    return await _PRESENTED.first(connection, token=token_id)


async def of_user(connection: ReadConnection, *, owner: str) -> list[AccessTokenRow]:
    """Load the tokens of a user, the newest first."""
    return await _OF_USER.all(connection, owner=owner)


async def count(connection: ReadConnection, *, owner: str) -> int:
    """Count the tokens of a user."""
    return await _COUNT.one(connection, owner=owner)


async def create(connection: AsyncConnection, token: NewAccessToken) -> None:
    """Store a token."""
    await _CREATE.run(connection, **token._asdict())


async def touch(connection: AsyncConnection, *, owner: str, token_id: str, now: int) -> None:
    """Store when a token was last used."""
    await _TOUCH.run(connection, owner=owner, token=token_id, now=now)


async def delete_token(connection: AsyncConnection, *, owner: str, token_id: str) -> bool:
    """Remove a token; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, token=token_id))


async def delete_all_of_user(connection: AsyncConnection, *, owner: str) -> int:
    """Remove all tokens of a user; return how many."""
    return await _DELETE_ALL_OF_USER.run(connection, owner=owner)


async def delete_expired(connection: AsyncConnection, *, before: int) -> None:
    """Remove the tokens of all users that expired until a moment."""
    await _DELETE_EXPIRED.run(connection, before=before)


async def delete_all(connection: AsyncConnection) -> None:
    """Remove the tokens of all users."""
    await _DELETE_ALL.run(connection)
