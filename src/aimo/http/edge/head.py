"""``HEAD`` works wherever ``GET`` does (docs/contract/requests.md#paths-and-methods)."""

from __future__ import annotations

from aimo.http.asgi_types import App, Message, Receive, Scope, Send


class Head:
    """Runs ``HEAD`` as ``GET`` and drops the body; ``Content-Length`` stays that of the body.

    ``scope["headers_only"]`` tells who would make a long body that nobody reads it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", "headers_only": True}, receive, send_without_body)
