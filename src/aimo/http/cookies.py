"""The login cookie."""

from __future__ import annotations

from email.utils import formatdate

from aimo import clock
from aimo.http.asgi import Scope
from aimo.services.tokens import LIFETIME_SECONDS

COOKIE = "aimo_token"


def given_token(scope: Scope) -> str:
    """The token in a request's cookie; empty without one.

    A neighbouring host can plant a second cookie of this name in a browser, and nothing tells which is ours: where
    they differ, none counts.
    """
    found = {
        value
        for name, field in scope["headers"]
        if name == b"cookie"
        for key, _, value in (part.strip().partition("=") for part in field.decode("latin-1").split(";"))
        if key == COOKIE and value
    }
    return found.pop() if len(found) == 1 else ""


def login_cookie(token: str, *, secure: bool) -> str:
    """The ``Set-Cookie`` of a login, letter for letter that of the existing server."""
    return _cookie(token, LIFETIME_SECONDS, clock.now_ms() / 1000 + LIFETIME_SECONDS, secure)


def cleared_cookie(*, secure: bool) -> str:
    """The ``Set-Cookie`` that makes a browser forget the login."""
    return _cookie("", 0, 0, secure)


def _cookie(token: str, seconds: int, expires: float, secure: bool) -> str:
    attributes = f"Max-Age={seconds}; Path=/; Expires={formatdate(expires, usegmt=True)}; HttpOnly; SameSite=Lax"
    return f"{COOKIE}={token}; {attributes}{'; Secure' if secure else ''}"
