"""Registering and logging in (contract 2)."""

from __future__ import annotations

from email.utils import formatdate

from litestar import Controller, Response

from aimo import clock
from aimo.dto.base import Envelope
from aimo.dto.users import LoggedIn, LoginBody, RegisterBody, Registered
from aimo.http.auth import COOKIE
from aimo.http.context import Services
from aimo.http.envelope import ok
from aimo.http.routing import post
from aimo.services.tokens import LIFETIME_SECONDS


class AuthController(Controller):
    """Routes that need no token, because they lead to one."""

    path = "/api/v1/auth"
    tags = ("Accounts",)

    @post("/register", summary="Make an account")
    async def register(self, data: RegisterBody, services: Services) -> Envelope[Registered]:
        """Make an account with its default category."""
        return ok(Registered(user=await services.accounts.register(data)))

    @post("/login", summary="Log in")
    async def log_in(self, data: LoginBody, services: Services) -> Response[Envelope[LoggedIn]]:
        """Get a token, in the answer and as a cookie."""
        logged_in = await services.accounts.log_in(data.email, data.password)
        cookie = _cookie(logged_in.token, secure=services.settings.production)
        return Response(ok(logged_in), headers={"Set-Cookie": cookie})


def _cookie(token: str, *, secure: bool) -> str:
    """The login cookie, letter for letter that of the existing server (contract 1.6)."""
    expires = formatdate(clock.now_ms() / 1000 + LIFETIME_SECONDS, usegmt=True)
    attributes = f"Max-Age={LIFETIME_SECONDS}; Path=/; Expires={expires}; HttpOnly; SameSite=Lax"
    return f"{COOKIE}={token}; {attributes}{'; Secure' if secure else ''}"
