"""Login tokens: JWT, HS256, claims ``uid``, ``iat``, ``exp`` and, since there are sessions, ``sid``; 90 days."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TypeGuard

import jwt

from aimo import clock, ids

LIFETIME_SECONDS = 90 * 24 * 3600
_ALGORITHM = "HS256"
# Checking a signature costs more than reading the user; a genuine token stays genuine until it expires.
_REMEMBERED = 4096
# No claim of a time is later, in seconds since the epoch: the year 9999.
_LATEST = clock.LATEST_MS / 1000


class InvalidToken(Exception):
    """The token is malformed, forged, expired or not valid yet, or its session has ended."""


@dataclass(frozen=True)
class Claims:
    """What a genuine token says; times are seconds since the epoch.

    ``session_id`` is the key of the token's row in the table of sessions. A token of an earlier release
    (``is_old``) has no session: its key is made from its claims, and a row under it says that the token was ended.
    """

    uid: str
    session_id: str
    is_old: bool
    issued_at: float
    expires_at: float


class Tokens:
    """Issues and reads the tokens of one signing secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._genuine: dict[str, Claims | None] = {}

    def issue(self, uid: str, session_id: str | None = None) -> str:
        """Return a fresh token for a session of a user; without a session one like those of earlier releases."""
        now = clock.now_ms() // 1000
        claims: dict[str, object] = {"uid": uid, "iat": now, "exp": now + LIFETIME_SECONDS}
        if session_id:
            claims["sid"] = session_id
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, token: str) -> Claims | None:
        """Return the claims of a valid token, or None when it names nobody that can exist.

        Whether the user exists and the session is still open is for the database to say.

        Raises:
            InvalidToken: signature, format or time are wrong.
        """
        now = clock.now_ms() / 1000
        known = self._genuine.get(token)
        if known and now < known.expires_at:
            return known
        claims = self._verify(token)
        if len(self._genuine) >= _REMEMBERED:
            self._genuine.clear()
        self._genuine[token] = claims
        return claims

    def _verify(self, token: str) -> Claims | None:
        try:
            claims: dict[str, object] = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                # The existing server checks none of these, and its tokens must stay valid.
                options={"verify_iat": False, "verify_aud": False, "verify_iss": False, "verify_sub": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidToken from error
        uid, session_id = claims.get("uid"), claims.get("sid")
        issued_at = _seconds(claims.get("iat"), missing=0)
        expires_at = _seconds(claims.get("exp"), missing=math.inf)
        if not _is_id(uid):
            return None
        if session_id is None:
            return Claims(uid, _key(uid, issued_at, expires_at), True, issued_at, expires_at)
        return Claims(uid, session_id, False, issued_at, expires_at) if _is_id(session_id) else None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and ids.is_possible(value)


def _seconds(value: object, *, missing: float) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < _LATEST else missing


def _key(uid: str, issued_at: float, expires_at: float) -> str:
    """Return the same for each spelling of a token: the last character of a signature has bits that nobody reads."""
    return f"old:{hashlib.sha256(f'{uid}:{issued_at}:{expires_at}'.encode()).hexdigest()}"
