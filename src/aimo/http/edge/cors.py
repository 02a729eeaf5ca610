"""CORS for every answer, and preflights (contract 1.13, decisions 11).

The request's origin is reflected with credentials, because the desktop build calls across
origins with them and browsers refuse ``*`` for that.
"""

from __future__ import annotations

from aimo.http.asgi import App, Headers, Message, Receive, Scope, Send, header

_METHODS = (b"access-control-allow-methods", b"GET,HEAD,PUT,PATCH,POST,DELETE")


class Cors:
    """Adds the CORS headers to every answer; answers every ``OPTIONS`` itself with 204."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        origin = header(scope, b"origin")
        if scope["method"] == "OPTIONS":
            await _preflight(scope, send, origin)
            return
        fields = _allowed(origin, b"Origin")

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *fields]
            await send(message)

        await self._app(scope, receive, send_with_cors)


async def _preflight(scope: Scope, send: Send, origin: bytes | None) -> None:
    vary = b"Origin, Access-Control-Request-Headers"
    fields = [*_allowed(origin, vary), _METHODS, (b"content-length", b"0")]
    if requested := header(scope, b"access-control-request-headers"):
        fields.append((b"access-control-allow-headers", requested))
    await send({"type": "http.response.start", "status": 204, "headers": fields})
    await send({"type": "http.response.body", "body": b""})


def _allowed(origin: bytes | None, vary: bytes) -> Headers:
    if origin is None:
        return [(b"access-control-allow-origin", b"*"), (b"vary", vary)]
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", vary),
    ]
