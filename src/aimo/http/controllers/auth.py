"""Registering and logging in (contract 2)."""

from __future__ import annotations

from email.utils import formatdate

from litestar import Controller, Response
from litestar.params import JSONBody

from aimo import clock
from aimo.dto.base import Envelope
from aimo.dto.users import LoggedIn, LoginBody, RegisterBody, Registered
from aimo.http.addresses import client_address
from aimo.http.auth import COOKIE
from aimo.http.context import AnyRequest, Services
from aimo.http.envelope import ok
from aimo.http.routing import post
from aimo.services.tokens import LIFETIME_SECONDS


class AuthController(Controller):
    """Routes that need no token, because they lead to one."""

    path = "/api/v1/auth"
    tags = ("Accounts",)

    @post("/register", summary="Make an account", opt={"limited": True})
    async def register(
        self, data: JSONBody[RegisterBody], request: AnyRequest, services: Services
    ) -> Envelope[Registered]:
        """Make an account with its default category."""
        address = client_address(request.scope, services.settings.proxies)  # type: ignore[arg-type]
        return ok(Registered(user=await services.accounts.register(data, address=address)))

    @post("/login", summary="Log in", opt={"limited": True})
    async def log_in(
        self, data: JSONBody[LoginBody], request: AnyRequest, services: Services
    ) -> Response[Envelope[LoggedIn]]:
        """Get a token, in the answer and as a cookie."""
        address = client_address(request.scope, services.settings.proxies)  # type: ignore[arg-type]
        logged_in = await services.accounts.log_in(data.email, data.password, address=address)
        cookie = _cookie(logged_in.token, secure=services.settings.production)
        return Response(ok(logged_in), headers={"Set-Cookie": cookie})


def _cookie(token: str, *, secure: bool) -> str:
    """The login cookie, letter for letter that of the existing server (contract 1.6)."""
    expires = formatdate(clock.now_ms() / 1000 + LIFETIME_SECONDS, usegmt=True)
    attributes = f"Max-Age={LIFETIME_SECONDS}; Path=/; Expires={expires}; HttpOnly; SameSite=Lax"
    return f"{COOKIE}={token}; {attributes}{'; Secure' if secure else ''}"
