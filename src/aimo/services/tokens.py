"""Login tokens: JWT, HS256, claims ``uid``, ``iat``, ``exp``, 90 days (contract 1.6)."""

from __future__ import annotations

import math
from typing import Any

import jwt

from aimo import clock, ids

LIFETIME_SECONDS = 90 * 24 * 3600
_ALGORITHM = "HS256"
# Checking a signature costs more than reading the user; a genuine token stays genuine until it expires.
_REMEMBERED = 4096


class InvalidToken(Exception):
    """The token is malformed, forged, expired or not valid yet."""


class Tokens:
    """Issues and reads the tokens of one signing secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._genuine: dict[str, tuple[str | None, float]] = {}

    def issue(self, uid: str) -> str:
        """A fresh token for a user."""
        now = clock.now_ms() // 1000
        return jwt.encode({"uid": uid, "iat": now, "exp": now + LIFETIME_SECONDS}, self._secret, _ALGORITHM)

    def read(self, token: str) -> str | None:
        """The user id inside a valid token, or None when it names nobody that can exist.

        Raises:
            InvalidToken: signature, format or time are wrong.
        """
        now = clock.now_ms() / 1000
        known = self._genuine.get(token)
        if known and now < known[1]:
            return known[0]
        uid, expires = self._verify(token)
        if len(self._genuine) >= _REMEMBERED:
            self._genuine.clear()
        self._genuine[token] = uid, expires
        return uid

    def _verify(self, token: str) -> tuple[str | None, float]:
        """The user id inside a token and the time until which the token is good."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                # The existing server checks none of these, and its tokens must stay valid.
                options={"verify_iat": False, "verify_aud": False, "verify_iss": False, "verify_sub": False},
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidToken from error
        uid = claims.get("uid")
        possible = uid if isinstance(uid, str) and ids.is_possible(uid) else None
        return possible, float(claims.get("exp", math.inf))
