"""Queries on accounts."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Users
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, following, values_for


class AccountRow(NamedTuple):
    """What a login is checked against."""

    uid: str
    email: str | None
    nickname: str | None
    password: str


class ProfileRow(NamedTuple):
    """What a user is shown as; ``avatar`` is an address, or the key of a stored picture."""

    uid: str
    email: str | None
    nickname: str | None
    avatar: str | None


class LoginRow(NamedTuple):
    """What tokens and passwords of a user are measured by; times are epoch milliseconds."""

    password: str
    tokens_valid_from: int | None


class NewUser(NamedTuple):
    """What an account is created with; ``email_key`` is its e-mail as e-mails are compared."""

    uid: str
    email: str
    email_key: str
    phone: str | None
    password: str
    salt: str
    nickname: str | None
    status: int
    created_at: int
    updated_at: int


# A deactivated user is nobody (docs/contract/sessions.md#tokens).
ACTIVE = Users.status != 0
_OWN = Users.uid == param("owner")

_BY_EMAIL = Query(
    unscoped(
        "users.by_email",
        select(*columns_for(AccountRow, Users)).where(Users.email_key == param("email_key"), ACTIVE),
        reason="logging in starts from the e-mail",
    ),
    AccountRow,
)
_ANY = Scalar[str](
    unscoped(
        "users.any",
        select(Users.uid).where(Users.uid > "").limit(1),
        reason="whether a server has accounts is no user's",
    )
)
_EXISTS = Scalar[str](owned("users.exists", select(Users.uid).where(_OWN, ACTIVE)))
_PROFILE = Query(owned("users.profile", select(*columns_for(ProfileRow, Users)).where(_OWN)), ProfileRow)
_PASSWORD = Scalar[str](owned("users.password", select(Users.password).where(_OWN)))
_LOGIN_FOR_UPDATE = Query(
    owned("users.login_for_update", select(*columns_for(LoginRow, Users)).where(_OWN, ACTIVE).with_for_update()),
    LoginRow,
)
_AVATAR_FOR_UPDATE = Scalar[str | None](
    owned("users.avatar_for_update", select(Users.avatar).where(_OWN).with_for_update())
)
_FOLLOWING = Scalar[str](
    unscoped("users.following", following(Users.uid, Users.uid), reason="nightly work goes through all users, in turns")
)
_LOCK = Scalar[str](owned("users.lock", select(Users.uid).where(_OWN).with_for_update()))
_CREATE = Command(owned("users.create", insert(Users).values(values_for(NewUser, Users))))
_SET_NICKNAME = Command(
    owned("users.set_nickname", update(Users).where(_OWN).values(nickname=param("new"), updated_at=param("now")))
)
_SET_AVATAR = Command(
    owned("users.set_avatar", update(Users).where(_OWN).values(avatar=param("new"), updated_at=param("now")))
)
_SET_PASSWORD = Command(
    owned(
        "users.set_password",
        update(Users)
        .where(_OWN)
        .values(password=param("new_password"), salt=param("new_salt"), updated_at=param("now")),
    )
)
_SET_TOKENS_VALID_FROM = Command(
    owned("users.set_tokens_valid_from", update(Users).where(_OWN).values(tokens_valid_from=param("valid_from")))
)


async def by_email(connection: ReadConnection, *, email_key: str) -> AccountRow | None:
    """Load the active account of an e-mail; None without one."""
    return await _BY_EMAIL.first(connection, email_key=email_key)


async def has_any(connection: ReadConnection) -> bool:
    """Return whether there is any account, also one that may not log in."""
    return await _ANY.first(connection) is not None


async def exists(connection: ReadConnection, *, owner: str) -> bool:
    """Return whether there is a user of this id who may log in."""
    return await _EXISTS.first(connection, owner=owner) is not None


async def profile(connection: ReadConnection, *, owner: str) -> ProfileRow | None:
    """Load a user's profile; None where the account is gone."""
    return await _PROFILE.first(connection, owner=owner)


async def password(connection: ReadConnection, *, owner: str) -> str | None:
    """Load the hash of a user's password; None where the account is gone."""
    return await _PASSWORD.first(connection, owner=owner)


async def login_for_update(connection: AsyncConnection, *, owner: str) -> LoginRow | None:
    """Load and lock what an active user's logins are measured by."""
    return await _LOGIN_FOR_UPDATE.first(connection, owner=owner)


async def avatar_for_update(connection: AsyncConnection, *, owner: str) -> str | None:
    """Load what a user's picture is, and lock the account."""
    return await _AVATAR_FOR_UPDATE.first(connection, owner=owner)


async def next_ids(connection: ReadConnection, *, after: str, limit: int) -> list[str]:
    """Return the ids of the next users behind an id."""
    return await _FOLLOWING.all(connection, after=after, limit=limit)


async def lock(connection: AsyncConnection, *, owner: str) -> None:
    """Lock an account until the transaction ends."""
    await _LOCK.first(connection, owner=owner)


async def create(connection: AsyncConnection, user: NewUser) -> None:
    """Store an account.

    Raises:
        IntegrityError: there is another one of this e-mail.
    """
    await _CREATE.run(connection, **user._asdict())


async def set_nickname(connection: AsyncConnection, *, owner: str, nickname: str | None, now: int) -> None:
    """Change the name that a user is shown by."""
    await _SET_NICKNAME.run(connection, owner=owner, new=nickname, now=now)


async def set_avatar(connection: AsyncConnection, *, owner: str, avatar: str | None, now: int) -> None:
    """Change a user's picture."""
    await _SET_AVATAR.run(connection, owner=owner, new=avatar, now=now)


async def set_password(connection: AsyncConnection, *, owner: str, password: str, salt: str, now: int) -> None:
    """Change the hash of a user's password."""
    await _SET_PASSWORD.run(connection, owner=owner, new_password=password, new_salt=salt, now=now)


async def set_tokens_valid_from(connection: AsyncConnection, *, owner: str, valid_from: int) -> None:
    """End a user's tokens without a session that were issued until a moment, epoch milliseconds."""
    await _SET_TOKENS_VALID_FROM.run(connection, owner=owner, valid_from=valid_from)
