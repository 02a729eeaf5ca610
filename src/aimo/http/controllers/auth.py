"""Registering, logging in and logging out (docs/contract/sessions.md)."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.params import JSONBody

from aimo.dto.base import Done, Envelope
from aimo.dto.users import LoggedIn, LoginBody, RegisterBody, Registered
from aimo.http.cookies import cleared_cookie, login_cookie
from aimo.http.dependencies import AnyRequest, Services, device
from aimo.http.output.envelope import ok
from aimo.http.routing import post
from aimo.services.accounts.sessions import AuthenticatedUser


class AuthController(Controller):
    """Routes that need no token, because they lead to one or away from it."""

    path = "/api/v1/auth"
    tags = ("Accounts",)

    @post("/register", summary="Make an account", opt={"limited": True})
    async def register(
        self, data: JSONBody[RegisterBody], request: AnyRequest, services: Services
    ) -> Envelope[Registered]:
        """Make an account with its default category."""
        user = await services.accounts.register(data, address=device(request, services).address)
        return ok(Registered(user=user))

    @post("/login", summary="Log in", opt={"limited": True})
    async def log_in(
        self, data: JSONBody[LoginBody], request: AnyRequest, services: Services
    ) -> Response[Envelope[LoggedIn]]:
        """Open a session; its token is in the answer, and in a cookie for the server's own pages."""
        logged_in = await services.accounts.log_in(data.email, data.password, device=device(request, services))
        return Response(ok(logged_in), headers=login_cookie(request.scope, logged_in.token))  # type: ignore[arg-type]

    @post("/logout", summary="Log out")
    async def log_out(self, request: AnyRequest, services: Services) -> Response[Envelope[Done]]:
        """End the session of the token, where there is a valid one, and clear the cookie."""
        user = request.scope.get("user")
        if isinstance(user, AuthenticatedUser):
            await services.sessions.log_out(user, device(request, services))
        headers = cleared_cookie(request.scope)  # type: ignore[arg-type]
        return Response(ok(Done(message="Logged out successfully")), headers=headers)
