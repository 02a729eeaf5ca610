"""Personal access tokens: what users let programs do in their place (docs/contract/access-tokens.md)."""

from __future__ import annotations

import hmac
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import audit, clock, ids
from aimo.audit import Event
from aimo.db.connection import Database
from aimo.db.queries import access_tokens as queries
from aimo.db.queries import users as user_queries
from aimo.db.queries.access_tokens import AccessTokenRow, NewAccessToken
from aimo.db.transaction import atomically
from aimo.dto.access_tokens import AccessToken, AccessTokenBody, AccessTokenCreated
from aimo.dto.base import UnsetType
from aimo.errors import AimoError, Code
from aimo.services.accounts.access_token_format import new_token, read_token
from aimo.services.accounts.sessions import AuthenticatedUser
from aimo.services.accounts.token_scopes import parsed, require_scopes, stored
from aimo.services.accounts.tokens import Claims, InvalidToken
from aimo.services.accounts.use_notes import UseNotes

MOST_TOKENS: Final = 50
LONGEST_NAME: Final = 100
DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 3650
_DAY_MS = 24 * 3600 * 1000
# Until then its owner can see why a program stopped working.
_KEPT_AFTER_EXPIRY_MS = 30 * _DAY_MS


class ExpiredTokenError(InvalidToken):
    """A genuine token has expired; ``uid`` is its owner."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        super().__init__()


class AccessTokenService:
    """Creates, checks, lists and revokes the tokens of users."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uses = UseNotes(database, "access_tokens.touch", _touch)

    async def authenticate(self, token: str) -> AuthenticatedUser:
        """Return whom a token stands for, and its scopes.

        Raises:
            InvalidToken: there is none like it, it was revoked or has expired, or its user is not active.
        """
        parts = read_token(token)
        if parts is None:
            raise InvalidToken
        async with self._database.driver_connection() as connection:
            row = await queries.presented(connection, token_id=parts.token_id)
        if row is None or not hmac.compare_digest(row.secret_hash, parts.secret_hash):
            raise InvalidToken
        expires_at = clock.LATEST_MS if row.expires_at is None else row.expires_at
        if expires_at <= clock.now_ms():
            raise ExpiredTokenError(row.uid)
        self._uses.note(row.uid, parts.token_id, row.last_used_at or 0)
        claims = Claims(row.uid, parts.token_id, False, row.created_at / 1000, expires_at / 1000)
        return AuthenticatedUser(row.uid, row.email, row.nickname, claims, parsed(row.scopes))

    async def create(self, uid: str, body: AccessTokenBody, *, address: str = "") -> AccessTokenCreated:
        """Store a new token and return it; nobody can read it again later.

        PARAMS_ERROR without a usable name, scopes or number of days; OPERATION_NOT_ALLOWED beyond 50 tokens.
        """
        with audit.attempt(Event.TOKEN_CREATION, user=uid, address=address):
            name, scopes, days = _name(body.name), require_scopes(body.scopes), _days(body.expires_in_days)
            value, parts = new_token()
            now = clock.now_ms()
            new = NewAccessToken(
                token_id=parts.token_id,
                uid=uid,
                name=name,
                secret_hash=parts.secret_hash,
                scopes=stored(scopes),
                seq=clock.next_sequence(),
                created_at=now,
                expires_at=None if days is None else clock.within_range(now + days * _DAY_MS),
            )

            async def work(connection: AsyncConnection) -> None:
                # One after another, or many at once would each find a place.
                if await user_queries.login_for_update(connection, owner=uid) is None:
                    raise AimoError(Code.USER_NOT_FOUND)
                if await queries.count(connection, owner=uid) >= MOST_TOKENS:
                    raise AimoError(
                        Code.OPERATION_NOT_ALLOWED,
                        f"There are {MOST_TOKENS} tokens already, which is the most: revoke one first",
                    )
                await queries.create(connection, new)

            await atomically(self._database, "access_tokens.create", work, user=uid)
        row = AccessTokenRow(new.token_id, new.name, new.scopes, new.created_at, new.expires_at, None)
        return AccessTokenCreated(token=_shown(row), value=value)

    async def all(self, uid: str) -> list[AccessToken]:
        """Return the user's tokens, the newest first, without their values."""
        async with self._database.reads() as connection:
            return [_shown(row) for row in await queries.of_user(connection, owner=uid)]

    async def revoke(self, uid: str, token_id: str, *, address: str = "") -> None:
        """Remove one of the user's tokens, which is refused from now on; NOT_FOUND where there is none."""

        async def work(connection: AsyncConnection) -> bool:
            return await queries.delete_token(connection, owner=uid, token_id=token_id)

        with audit.attempt(Event.TOKEN_REVOCATION, user=uid, address=address):
            if not ids.is_possible(token_id) or not await atomically(
                self._database, "access_tokens.revoke", work, user=uid
            ):
                raise AimoError(Code.NOT_FOUND, "Token not found")

    async def forget_expired(self) -> None:
        """Remove the tokens of all users that expired 30 days ago."""

        async def work(connection: AsyncConnection) -> None:
            before = clock.within_range(clock.now_ms() - _KEPT_AFTER_EXPIRY_MS)
            await queries.delete_expired(connection, before=before)

        await atomically(self._database, "access_tokens.delete_expired", work)

    async def close(self) -> None:
        """Stop noting uses."""
        await self._uses.close()


async def _touch(connection: AsyncConnection, owner: str, token_id: str, now: int) -> None:
    await queries.touch(connection, owner=owner, token_id=token_id, now=now)


def _shown(row: AccessTokenRow) -> AccessToken:
    return AccessToken(
        id=row.token_id,
        name=row.name,
        scopes=row.scopes.split(),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def _name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not name or len(name) > LONGEST_NAME:
        raise AimoError(Code.PARAMS_ERROR, f"name must be a text of 1 to {LONGEST_NAME} characters")
    return name


def _days(value: object) -> int | None:
    if isinstance(value, UnsetType):
        return DEFAULT_DAYS
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_DAYS:
        raise AimoError(
            Code.PARAMS_ERROR, f"expiresInDays must be a whole number from 1 to {MOST_DAYS}, or null for no end"
        )
    return value
