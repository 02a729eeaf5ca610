"""Who makes a request: session tokens by path prefix, access tokens by scope, machine tokens by route.

See docs/contract/sessions.md and docs/contract/access-tokens.md.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import structlog
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from aimo import audit
from aimo.audit import Event, Outcome
from aimo.config import Settings
from aimo.db.failure_log import FailureLog
from aimo.dto.base import Rejection
from aimo.http.asgi_types import App, Receive, Scope, Send, header
from aimo.http.cookies import tokens_in_cookies
from aimo.http.edge.route_table import RouteTable
from aimo.http.input.client_address import Network, client_address
from aimo.http.output.envelope import MachineTokenRejected
from aimo.http.output.plain_responses import JSON, send_bytes
from aimo.http.route_scopes import refusal
from aimo.services.accounts.access_token_format import PREFIX
from aimo.services.accounts.access_tokens import AccessTokenService, ExpiredTokenError
from aimo.services.accounts.sessions import AuthenticatedUser, SessionService
from aimo.services.accounts.tokens import InvalidToken, Tokens

log = structlog.get_logger(__name__)

_PROTECTED = "/api"
# Knows the user where there is one, and answers without one as well.
_OPTIONAL = "/api/v1/auth/logout"
_MACHINES = ("/api/v1/memos/ba", "/api/v1/attachments/ba/", "/api/v1/debug/ba")

MACHINE = "machine"
"""What ``scope["verified"]`` is for a request with the machine token; no user has this id."""

PUBLIC = (
    "/api/v1/auth/login",
    "/api/v1/auth/register",
    "/api/v1/memos/public",
    "/api/v1/memos/ba",
    "/api/v1/attachments/ba/",  # ids of attachments may begin with these two letters
    "/api/v1/debug/ba",
    "/api/v1/health",
    "/api/v1/system/open/",
    "/api/v1/openapi.json",
    "/api/v1/docs",
)
"""Where a path begins that needs no user."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A token that is not valid; ``uid`` is known where it was genuine."""

    uid: str | None


class _Rejected(NamedTuple):
    """Why a request goes no further."""

    status: int
    message: str


class Sessions:
    """Puts the user into ``scope["user"]``, or rejects the request where a path needs one.

    ``scope["verified"]`` names who sends the request, once that is proven: a user's id, or `MACHINE`.

    Everything under ``/api`` that is not public needs one, in whatever case it is written; pages of the
    web client do not (docs/contract/requests.md#authentication-by-path).
    """

    def __init__(
        self,
        app: App,
        *,
        tokens: Tokens,
        sessions: SessionService,
        access_tokens: AccessTokenService,
        routes: RouteTable,
        proxies: Sequence[Network] = (),
        machine_token: str = "",
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._sessions = sessions
        self._access_tokens = access_tokens
        self._routes = routes
        self._proxies = proxies
        self._machine_token = machine_token
        self._failures = FailureLog(log, "token check failed")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Identify the user, then go on."""
        if scope["type"] == "http":
            scope["user"] = scope["verified"] = None
            path = scope["path"].lower()
            if path.startswith(_MACHINES) and self._is_machine(scope):
                scope["verified"] = MACHINE
            if path.startswith(_PROTECTED) and not path.startswith(PUBLIC):
                try:
                    rejection = await self._identify(scope)
                except Exception as error:  # noqa: BLE001 (logged, and answered)
                    self._failures.failed(error)
                    await _reject(send, _Rejected(500, "Authentication failed"))
                    return
                if rejection and path != _OPTIONAL:
                    await _reject(send, rejection)
                    return
        await self._app(scope, receive, send)

    def _is_machine(self, scope: Scope) -> bool:
        given = header(scope, b"authorization") or b""
        return bool(self._machine_token) and hmac.compare_digest(given, b"Bearer " + self._machine_token.encode())

    async def _identify(self, scope: Scope) -> _Rejected | None:
        """Set the user, or say why there is none.

        Of several cookies those count that are valid. Where these name different users, somebody has planted one, and
        none counts.
        """
        given = _header_token(scope)
        if given.startswith(PREFIX):
            return await self._identify_by_access_token(scope, given)
        tokens = [given] if given else tokens_in_cookies(scope)
        if not tokens:
            return _Rejected(401, "Authentication required")
        found = [await self._user_of(token) for token in tokens]
        users = {user.uid: user for user in found if isinstance(user, AuthenticatedUser)}
        if len(users) != 1:
            refused = [each for each in found if isinstance(each, _Refused)]
            for each in refused:
                audit.record(Event.TOKEN, Outcome.REFUSED, user=each.uid, address=client_address(scope, self._proxies))
            if users:
                return _Rejected(401, "Authentication required")
            return _Rejected(401, "Invalid token" if refused else "User not found")
        ((uid, user),) = users.items()
        scope["user"], scope["verified"] = user, uid
        return None

    async def _identify_by_access_token(self, scope: Scope, token: str) -> _Rejected | None:
        """Set the user of a token that a program carries, if it may do what is asked."""
        try:
            user = await self._access_tokens.authenticate(token)
        except InvalidToken as error:
            uid = error.uid if isinstance(error, ExpiredTokenError) else None
            audit.record(Event.TOKEN, Outcome.REFUSED, user=uid, address=client_address(scope, self._proxies))
            return _Rejected(401, "Invalid token")
        path = scope["path"]
        route = self._routes.find(scope["method"], path) or self._routes.find(scope["method"], path.removesuffix("/"))
        if route and (why := refusal(route, user.scopes or ())):
            audit.record(Event.TOKEN, Outcome.REFUSED, user=user.uid, address=client_address(scope, self._proxies))
            return _Rejected(403, why)
        scope["user"], scope["verified"] = user, user.uid
        return None

    async def _user_of(self, token: str) -> AuthenticatedUser | _Refused | None:
        """Return who a token stands for; None when there is no such user."""
        claims = None
        try:
            claims = self._tokens.read(token)
            return await self._sessions.authenticate(claims) if claims else None
        except InvalidToken:
            # Known for a genuine token whose session has ended, and for no forged one.
            return _Refused(claims.uid if claims else None)


def _header_token(scope: Scope) -> str:
    """Return the token of the Authorization header, which wins over cookies; empty without one."""
    # Only a literal "Bearer " is taken away: a bare token is a token too.
    return (header(scope, b"authorization") or b"").decode("latin-1").replace("Bearer ", "", 1)


async def _reject(send: Send, why: _Rejected) -> None:
    await send_bytes(send, why.status, JSON, msgspec.json.encode(Rejection(success=False, message=why.message)))


def require_machine_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard the routes that take the configured machine token instead of a user's.

    Raises:
        RejectedToken: the request does not carry it; an empty configured one opens nothing.
    """
    settings: Settings = connection.app.state.services.settings
    try:
        _require_machine_token(settings, connection.headers.get("authorization"))
    except MachineTokenRejected:
        address = client_address(connection.scope, settings.proxies)  # type: ignore[arg-type]
        audit.record(Event.MACHINE_TOKEN, Outcome.REFUSED, address=address)
        raise


def _require_machine_token(settings: Settings, given: str | None) -> None:
    token = settings.machine_token
    if not token:
        raise MachineTokenRejected("BA authentication is not configured")
    if given is None:
        raise MachineTokenRejected("Authorization header is required")
    parts = given.split(" ")
    if len(parts) != 2 or parts[0] != "Bearer":
        raise MachineTokenRejected("Invalid authorization format. Expected: Bearer <token>")
    if not hmac.compare_digest(parts[1].encode("utf-8", "replace"), token.encode()):
        raise MachineTokenRejected("Invalid BA token")
