"""An exception outside a handler is HTTP 500 with a JSON body, logged once.

See docs/contract/errors.md#answers-without-an-envelope.
"""

from __future__ import annotations

import traceback

import structlog

from aimo.http.asgi_types import App, Message, Receive, Scope, Send
from aimo.http.output.plain_responses import send_error

_log = structlog.get_logger(__name__)


class ErrorHandler:
    """Turns what the inner app lets escape into the contract's 500.

    Logged are the method, the route and the bare traceback, made here because log renderers
    like to add local variables: never the query (it may hold signatures), the headers or
    the body. When the answer has begun, returning without
    its end makes the server cut the connection, so a client cannot take it for whole.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except Exception:  # noqa: BLE001 (the last place that can answer)
            _log.error(
                "unexpected error outside of a handler",
                method=scope["method"],
                route=scope.get("path_template") or "(none)",
                answer_begun=started,
                exception=traceback.format_exc(),
            )
            if not started:
                await send_error(send, 500, "Internal server error")
