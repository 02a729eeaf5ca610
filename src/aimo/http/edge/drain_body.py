"""An answer that comes before the request's body was read still reaches the client (docs/contract/bodies.md#multipart).

Clients that send the whole body before they read (most do) see a reset connection when
the server answers early and closes. So the rest is read and thrown away first.
"""

from __future__ import annotations

import asyncio

from aimo.http.asgi_types import App, Message, Receive, Scope, Send

_BODYLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_STRANGER_BYTES = 16 * 1024 * 1024
_STRANGER_SECONDS = 10.0


class BodyDrain:
    """Reads what is left of a body before the answer starts, within limits.

    Args:
        app: what is answered by.
        most_bytes: how much is thrown away at most.
        most_seconds: how long that may take.

    Of somebody who is not logged in much less is read, and all of it is thrown away: enough for the answer to an
    upload with a token that has expired.
    """

    def __init__(self, app: App, *, most_bytes: int = 256 * 1024 * 1024, most_seconds: float = 30) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] in _BODYLESS:
            await self._app(scope, receive, send)
            return
        begun = False
        finished = not _has_body(scope)

        async def receive_watched() -> Message:
            nonlocal begun, finished
            begun = True
            message = await receive()
            finished = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def send_after_body(message: Message) -> None:
            nonlocal finished
            if not finished and message["type"] == "http.response.start":
                finished = True
                if begun or not _expects_continue(scope):
                    await self._discard_rest(receive, known=bool(scope.get("verified")))
            await send(message)

        await self._app(scope, receive_watched, send_after_body)

    async def _discard_rest(self, receive: Receive, *, known: bool) -> None:
        left = self._most_bytes if known else min(self._most_bytes, _STRANGER_BYTES)
        seconds = self._most_seconds if known else min(self._most_seconds, _STRANGER_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def _has_body(scope: Scope) -> bool:
    """Return whether a body may follow; only HTTP/1 says so in its headers."""
    if not str(scope.get("http_version", "1.1")).startswith("1"):
        return True
    return any(
        (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
        for name, value in scope["headers"]
    )


def _expects_continue(scope: Scope) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])
