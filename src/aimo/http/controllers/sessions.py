"""Where one is logged in, and ending that."""

from __future__ import annotations

from litestar import Controller, Response

from aimo.dto.base import UNSET, Envelope
from aimo.dto.sessions import SessionList, SessionsEnded
from aimo.http.asgi_types import Scope
from aimo.http.cookies import cleared_cookie, login_cookie, tokens_in_cookies
from aimo.http.dependencies import AnyRequest, Params, PathText, Services, User, device
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import Parameter, documented
from aimo.http.routing import delete, get
from aimo.services.accounts.sessions import EndedSessions

_KEEP_CURRENT = Parameter("keepCurrent", "boolean", "Whether the session of this request stays.", False)
_KEEP_TOKENS = Parameter("keepTokens", "boolean", "Whether access tokens stay.", False)


class SessionController(Controller):
    """A user's sessions."""

    path = "/api/v1/user/sessions"
    tags = ("Accounts",)

    @get("/", summary="List one's sessions")
    async def fetch_all(self, services: Services, user: User) -> Envelope[SessionList]:
        """Return all open sessions; tokens of earlier releases have none."""
        return ok(SessionList(sessions=await services.sessions.all(user)))

    @delete("/", summary="Log out everywhere", opt=documented(_KEEP_CURRENT, _KEEP_TOKENS))
    async def end_all(
        self, request: AnyRequest, params: Params, services: Services, user: User
    ) -> Response[Envelope[SessionsEnded]]:
        """End all sessions, all tokens without one and all access tokens."""
        keep_current = params.boolean("keepCurrent", False)
        keep_tokens = params.boolean("keepTokens", False)
        ended = await services.sessions.end_all(
            user, keep_current=keep_current, keep_tokens=keep_tokens, device=device(request, services)
        )
        return _answer(ended, "Logged out everywhere", request)

    @delete("/{session_id:str}", summary="End a session")
    async def end(
        self, session_id: PathText, request: AnyRequest, services: Services, user: User
    ) -> Response[Envelope[SessionsEnded]]:
        """End one session; its token is refused from now on."""
        current = await services.sessions.end(user, session_id, device(request, services))
        return _answer(EndedSessions(1, current_remains=not current), "Session ended successfully", request)


def cookie_after(ended: EndedSessions, request: AnyRequest) -> dict[str, str]:
    """Return the header that makes the cookie of a request, where it came with one, fit what has ended."""
    scope: Scope = request.scope  # type: ignore[assignment]
    if ended.current_remains or not tokens_in_cookies(scope):
        return {}
    return login_cookie(scope, ended.token) if ended.token else cleared_cookie(scope)


def _answer(ended: EndedSessions, message: str, request: AnyRequest) -> Response[Envelope[SessionsEnded]]:
    data = SessionsEnded(
        message=message,
        ended=ended.count,
        current_remains=ended.current_remains,
        token=ended.token or UNSET,
        tokens_revoked=ended.revoked or UNSET,
    )
    return Response(ok(data), headers=cookie_after(ended, request))
