"""Answers of handlers that are made while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from litestar import Response

from aimo.http.asgi_types import Headers, Receive, Scope, Send


class StreamedResponse(Response[bytes]):
    """Sends pieces as they come; what they need is given back however the answer ends.

    An error breaks the connection off, so that nobody takes a part for the whole.
    """

    def __init__(self, chunks: AsyncIterator[bytes], headers: Headers, stack: AsyncExitStack) -> None:
        super().__init__(b"")
        self._chunks = chunks
        self._fields = headers
        self._stack = stack

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> Any:
        """Return the application that answers."""
        return self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            async with self._stack:
                await send({"type": "http.response.start", "status": 200, "headers": self._fields})
                if not scope.get("headers_only"):
                    async for piece in self._chunks:
                        if gone.done():
                            return
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
