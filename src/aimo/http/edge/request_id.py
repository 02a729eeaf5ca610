"""A request id for every answer and every log line (an addition to docs/contract/requests.md#response-headers)."""

from __future__ import annotations

import re
import secrets

from structlog.contextvars import bind_contextvars, reset_contextvars

from aimo.http.asgi_types import App, Message, Receive, Scope, Send, header

_SANE = re.compile(rb"[A-Za-z0-9._:@=/+-]{1,64}")
_STATE_KEY = "request_id"


class RequestId:
    """Takes a sane ``X-Request-Id`` or makes one, binds it to the log context, and returns it.

    Handlers find it as ``scope["state"]["request_id"]``.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        given = header(scope, b"x-request-id")
        identifier = given if given and _SANE.fullmatch(given) else secrets.token_hex(8).encode()
        scope.setdefault("state", {})[_STATE_KEY] = text = identifier.decode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier)]
            await send(message)

        tokens = bind_contextvars(request_id=text)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            reset_contextvars(**tokens)
