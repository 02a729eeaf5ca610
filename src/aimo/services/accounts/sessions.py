"""Sessions: who is logged in from where, and ending that (docs/contract/sessions.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import audit, clock, ids
from aimo.audit import Event
from aimo.db.connection import Database
from aimo.db.queries import access_tokens as access_token_queries
from aimo.db.queries import sessions as session_queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.sessions import NewSession
from aimo.db.transaction import atomically
from aimo.dto.sessions import Session
from aimo.errors import AimoError, Code
from aimo.services.accounts.token_scopes import TokenScope
from aimo.services.accounts.tokens import LIFETIME_SECONDS, Claims, InvalidToken, Tokens
from aimo.services.accounts.use_notes import UseNotes

MOST_SESSIONS: Final = 100
_LONGEST_USER_AGENT = 200
_LONGEST_ADDRESS = 64


@dataclass(frozen=True)
class AuthenticatedUser:
    """Who makes a request, and by which token."""

    uid: str
    email: str | None
    nickname: str | None
    claims: Claims
    scopes: frozenset[TokenScope] | None = None
    """What an access token, named by ``claims.session_id``, may do; None for a session, which may do everything."""


@dataclass(frozen=True)
class Device:
    """Where a login comes from, as far as its request tells."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True)
class EndedSessions:
    """How many sessions have ended. ``token`` replaces the one of the request where that could not be kept.

    ``revoked`` counts the access tokens that have ended with them.
    """

    count: int
    current_remains: bool
    token: str | None = None
    revoked: int = 0


class SessionService:
    """Opens, checks, lists and ends the sessions of users."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens
        self._uses = UseNotes(database, "sessions.touch", _touch)

    async def authenticate(self, claims: Claims) -> AuthenticatedUser | None:
        """Return who a genuine token stands for, or None when there is no such user.

        Raises:
            InvalidToken: its session has ended.
        """
        async with self._database.driver_connection() as connection:
            row = await session_queries.authenticate(connection, owner=claims.uid, session_id=claims.session_id)
        if row is None:
            return None
        if claims.is_old:
            valid_from = row.tokens_valid_from
            if row.session_id or (valid_from is not None and claims.issued_at * 1000 <= valid_from):
                raise InvalidToken
        elif not row.session_id or row.ended:
            raise InvalidToken
        else:
            self._uses.note(claims.uid, claims.session_id, row.last_used_at or 0)
        return AuthenticatedUser(row.uid, row.email, row.nickname, claims)

    async def open(self, uid: str, device: Device, *, password: str) -> str:
        """Return the token of a new session, for a user whose stored password is (still) this one.

        The oldest sessions end where the user has too many. PASSWORD_ERROR when the password was changed meanwhile.
        """

        async def work(connection: AsyncConnection) -> str:
            row = await user_queries.login_for_update(connection, owner=uid)
            if row is None or row.password != password:
                raise AimoError(Code.PASSWORD_ERROR)
            return await self._open(connection, uid, device)

        return await atomically(self._database, "sessions.open", work, user=uid)

    async def all(self, user: AuthenticatedUser) -> list[Session]:
        """Return the user's open sessions, the latest login first."""
        async with self._database.reads() as connection:
            rows = await session_queries.of_user(connection, owner=user.uid, now=clock.now_ms(), limit=MOST_SESSIONS)
        return [
            Session(
                id=row.session_id,
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                expires_at=row.expires_at,
                address=row.address,
                user_agent=row.user_agent,
                current=row.session_id == user.claims.session_id,
            )
            for row in rows
        ]

    async def log_out(self, user: AuthenticatedUser, device: Device) -> None:
        """End the session of the user's token, or the token itself where it has no session."""
        with audit.attempt(Event.LOGOUT, user=user.uid, address=device.address):
            if user.claims.is_old:
                await atomically(self._database, "sessions.log_out", lambda c: _end_old(c, user.claims), user=user.uid)
            else:
                await self._end_one(user.uid, user.claims.session_id)

    async def end(self, user: AuthenticatedUser, session_id: str, device: Device) -> bool:
        """End one of the user's sessions; true when it was the current one. NOT_FOUND where there is none."""
        with audit.attempt(Event.SESSION_END, user=user.uid, address=device.address):
            if not ids.is_possible(session_id) or not await self._end_one(user.uid, session_id):
                raise AimoError(Code.NOT_FOUND, "Session not found")
        return session_id == user.claims.session_id

    async def end_all(
        self, user: AuthenticatedUser, *, keep_current: bool, device: Device, keep_tokens: bool = False
    ) -> EndedSessions:
        """Log the user out everywhere, except the current session and access tokens where that is wanted."""

        async def work(connection: AsyncConnection) -> EndedSessions:
            return await self.end_within(
                connection, user, keep_current=keep_current, keep_tokens=keep_tokens, device=device
            )

        with audit.attempt(Event.LOGOUT_EVERYWHERE, user=user.uid, address=device.address):
            return await atomically(self._database, "sessions.end_all", work, user=user.uid)

    async def end_within(
        self,
        connection: AsyncConnection,
        user: AuthenticatedUser,
        *,
        keep_current: bool,
        device: Device,
        keep_tokens: bool = False,
    ) -> EndedSessions:
        """Return the same within a transaction.

        Access tokens end too, or who had a session for a moment could keep the account by one. Tokens without a
        session end by the time at which they were issued, all together: one that shall stay is replaced by the token
        of a new session.
        """
        row = await user_queries.login_for_update(connection, owner=user.uid)
        if row is None:
            raise AimoError(Code.USER_NOT_FOUND)
        # Neither a clock that went back nor one that was ahead when the token was issued may let it live on.
        issued_ms = int(user.claims.issued_at * 1000) if user.claims.is_old else 0
        valid_from = clock.within_range(max(clock.now_ms(), row.tokens_valid_from or 0, issued_ms))
        await user_queries.set_tokens_valid_from(connection, owner=user.uid, valid_from=valid_from)
        kept_id = user.claims.session_id if keep_current else ""
        count = await session_queries.end_others(connection, owner=user.uid, kept_id=kept_id)
        revoked = 0 if keep_tokens else await access_token_queries.delete_all_of_user(connection, owner=user.uid)
        if keep_current and user.claims.is_old:
            token = await self._open(connection, user.uid, device)
            return EndedSessions(count, current_remains=False, token=token, revoked=revoked)
        return EndedSessions(count, current_remains=keep_current, revoked=revoked)

    async def forget_expired(self) -> None:
        """Remove the sessions of all users that have expired."""

        async def work(connection: AsyncConnection) -> None:
            await session_queries.delete_expired(connection, now=clock.now_ms())

        await atomically(self._database, "sessions.delete_expired", work)

    async def close(self) -> None:
        """Stop noting uses."""
        await self._uses.close()

    async def _open(self, connection: AsyncConnection, uid: str, device: Device) -> str:
        now = clock.now_ms()
        surplus = await session_queries.ids_beyond(connection, owner=uid, number=MOST_SESSIONS - 1, now=now, limit=1000)
        if surplus:
            await session_queries.end(connection, owner=uid, session_ids=surplus)
        session_id = ids.session_id()
        new = NewSession(
            session_id=session_id,
            uid=uid,
            address=device.address[:_LONGEST_ADDRESS],
            user_agent=_printable(device.user_agent),
            ended=False,
            created_at=now,
            last_used_at=now,
            expires_at=now + LIFETIME_SECONDS * 1000,
        )
        await session_queries.create_unless_known(connection, new)
        return self._tokens.issue(uid, session_id)

    async def _end_one(self, uid: str, session_id: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            return bool(await session_queries.end(connection, owner=uid, session_ids=[session_id]))

        return await atomically(self._database, "sessions.end", work, user=uid)


async def _touch(connection: AsyncConnection, owner: str, session_id: str, now: int) -> None:
    await session_queries.touch(connection, owner=owner, session_id=session_id, now=now)


async def _end_old(connection: AsyncConnection, claims: Claims) -> None:
    """Remember that a token without a session has ended, until it expires."""
    now = clock.now_ms()
    ended = NewSession(
        session_id=claims.session_id,
        uid=claims.uid,
        address="",
        user_agent="",
        ended=True,
        created_at=now,
        last_used_at=now,
        expires_at=int(min(claims.expires_at * 1000, clock.LATEST_MS)),
    )
    await session_queries.create_unless_known(connection, ended)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_LONGEST_USER_AGENT]
