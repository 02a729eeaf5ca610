"""Answers of handlers that are stored bytes, with ranges (docs/contract/attachments.md#show)."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from litestar import Response

from aimo.http.asgi_types import Headers, Receive, Scope, Send
from aimo.http.output.send_content import send_content
from aimo.storage.protocol import StoredObject


class StoredResponse(Response[bytes]):
    """Sends an open object; what keeps it open ends with the answer."""

    def __init__(self, stored: StoredObject, headers: Headers, stack: AsyncExitStack) -> None:
        super().__init__(b"")
        self._stored = stored
        self._fields = headers
        self._stack = stack

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> Any:
        """Return the application that answers."""
        return self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await send_content(self._stored, self._fields, scope, receive, send)
