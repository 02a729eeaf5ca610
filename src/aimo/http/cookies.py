"""The login cookie."""

from __future__ import annotations

from email.utils import formatdate

from aimo import clock
from aimo.http.asgi_types import Scope
from aimo.http.input.senders import sender_of
from aimo.services.accounts.tokens import LIFETIME_SECONDS

COOKIE = "aimo_token"
MOST_COOKIES = 4


def tokens_in_cookies(scope: Scope) -> list[str]:
    """Return the distinct tokens in a request's cookies; none where the page that asks may not use them.

    There may be several: one of another path or domain stays in a browser beside the present one, and a neighbouring
    host can plant one. Nothing tells which is ours, so `MOST_COOKIES` are looked at, and more count as none.
    """
    if not sender_of(scope).trusted:
        return []
    found = dict.fromkeys(
        value.strip('"')
        for name, field in scope["headers"]
        if name == b"cookie"
        for key, _, value in (part.strip().partition("=") for part in field.decode("latin-1").split(";"))
        if key == COOKIE and value.strip('"')
    )
    return list(found) if len(found) <= MOST_COOKIES else []


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
