"""CORS for every answer, and preflights (docs/contract/requests.md)."""

from __future__ import annotations

from aimo.http.asgi_types import App, Headers, Message, Receive, Scope, Send, header, list_header
from aimo.http.input.senders import Senders

_METHODS = (b"access-control-allow-methods", b"GET,HEAD,PUT,PATCH,POST,DELETE")


class Cors:
    """Decides where requests may come from, adds the CORS headers, and answers every ``OPTIONS`` itself with 204.

    object origin may call without credentials; with them only those that ``senders`` trusts.
    """

    def __init__(self, app: App, senders: Senders) -> None:
        self._app = app
        self._senders = senders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        origin = header(scope, b"origin")
        allowed = origin if self._senders.assess(scope).trusted else None
        if scope["method"] == "OPTIONS":
            await _preflight(scope, send, allowed)
            return
        fields = _allowed(allowed, b"Origin")

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *fields]
            await send(message)

        await self._app(scope, receive, send_with_cors)


async def _preflight(scope: Scope, send: Send, origin: bytes | None) -> None:
    vary = b"Origin, Access-Control-Request-Headers"
    fields = [*_allowed(origin, vary), _METHODS, (b"content-length", b"0")]
    if requested := list_header(scope, b"access-control-request-headers"):
        fields.append((b"access-control-allow-headers", requested))
    await send({"type": "http.response.start", "status": 204, "headers": fields})
    await send({"type": "http.response.body", "body": b""})


def _allowed(origin: bytes | None, vary: bytes) -> Headers:
    """Return the headers for an origin that is trusted, or for everybody else."""
    if origin is None:
        return [(b"access-control-allow-origin", b"*"), (b"vary", vary)]
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", vary),
    ]
