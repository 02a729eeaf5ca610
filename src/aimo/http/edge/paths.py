"""Paths with malformed percent-encoding are refused; an encoded slash is no slash.

See docs/contract/requests.md#paths-and-methods.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from aimo.http.asgi_types import App, Receive, Scope, Send
from aimo.http.output.plain_responses import send_error

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SLASH = re.compile(rb"%2[fF]")


class PathDecoder:
    """Checks the path as it was sent, before anything is decided by it.

    Servers decode it leniently (a bad escape stays, bad UTF-8 becomes U+FFFD). An encoded
    slash stays encoded in ``scope["path"]``: it belongs to a parameter and must not make
    another route match.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if b"%" in (raw := scope.get("raw_path") or b""):
            decoded = _decode(raw)
            if decoded is None:
                await send_error(send, 400, "Malformed percent-encoding in the path")
                return
            scope["path"] = decoded
        await self._app(scope, receive, send)


def _decode(raw: bytes) -> str | None:
    if _BAD_ESCAPE.search(raw):
        return None
    try:
        return unquote_to_bytes(_SLASH.sub(b"%252F", raw)).decode()
    except UnicodeDecodeError:
        return None
