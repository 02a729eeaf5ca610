"""Registering and logging in (contract 2)."""

from __future__ import annotations

from litestar import Controller, Response, post
from litestar.datastructures import Cookie

from aimo.dto.base import Envelope
from aimo.dto.users import LoggedIn, LoginBody, RegisterBody, Registered
from aimo.http.auth import COOKIE
from aimo.http.context import Services
from aimo.http.envelope import ok
from aimo.services.tokens import LIFETIME_SECONDS


class AuthController(Controller):
    """Routes that need no token, because they lead to one."""

    path = "/api/v1/auth"
    tags = ("Accounts",)

    @post("/register", status_code=200, summary="Make an account")
    async def register(self, data: RegisterBody, services: Services) -> Envelope[Registered]:
        """Make an account with its default category."""
        return ok(Registered(user=await services.accounts.register(data)))

    @post("/login", status_code=200, summary="Log in")
    async def log_in(self, data: LoginBody, services: Services) -> Response[Envelope[LoggedIn]]:
        """Get a token, in the answer and as a cookie."""
        logged_in = await services.accounts.log_in(data.email, data.password)
        cookie = Cookie(
            key=COOKIE,
            value=logged_in.token,
            max_age=LIFETIME_SECONDS,
            expires=LIFETIME_SECONDS,
            httponly=True,
            samesite="lax",
            secure=services.settings.production,
        )
        return Response(ok(logged_in), cookies=[cookie])
