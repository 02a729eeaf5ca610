"""The login cookie."""

from __future__ import annotations

from email.utils import formatdate

from aimo import clock
from aimo.http.asgi_types import Scope
from aimo.http.input.senders import sender_of
from aimo.services.accounts.tokens import LIFETIME_SECONDS

COOKIE = "aimo_token"


def token_in_cookie(scope: Scope) -> str:
    """Return the token in a request's cookie; empty without one, and where the page that asks may not use it.

    A neighbouring host can plant a second cookie of this name in a browser, and nothing tells which is ours: where
    they differ, none counts.
    """
    if not sender_of(scope).trusted:
        return ""
    found = {
        value.strip('"')
        for name, field in scope["headers"]
        if name == b"cookie"
        for key, _, value in (part.strip().partition("=") for part in field.decode("latin-1").split(";"))
        if key == COOKIE and value.strip('"')
    }
    return found.pop() if len(found) == 1 else ""


def login_cookie(scope: Scope, token: str) -> dict[str, str]:
    """Return the header that has a browser keep a login; none where the page that asks may not have it."""
    return _set(scope, token, LIFETIME_SECONDS, clock.now_ms() / 1000 + LIFETIME_SECONDS)


def cleared_cookie(scope: Scope) -> dict[str, str]:
    """Return the header that has a browser forget a login, where the page that asks may do so."""
    return _set(scope, "", 0, 0)


def _set(scope: Scope, token: str, seconds: int, expires: float) -> dict[str, str]:
    """Return the cookie as the existing server sets it, but for ``Secure`` where the request came by https."""
    sender = sender_of(scope)
    if not sender.trusted:
        return {}
    attributes = f"Max-Age={seconds}; Path=/; Expires={formatdate(expires, usegmt=True)}; HttpOnly; SameSite=Lax"
    return {"Set-Cookie": f"{COOKIE}={token}; {attributes}{'; Secure' if sender.secure else ''}"}
