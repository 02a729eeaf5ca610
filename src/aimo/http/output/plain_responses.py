"""Whole answers that are no envelope: JSON errors and short pages.

See docs/contract/errors.md#answers-without-an-envelope.
"""

from __future__ import annotations

import msgspec

from aimo.http.asgi_types import Headers, Send

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"


def error_body(message: str) -> bytes:
    """``{"status":"error","message":…}``, the body of failures outside a handler."""
    return msgspec.json.encode({"status": "error", "message": message})


async def send_error(send: Send, status: int, message: str, headers: Headers | None = None) -> None:
    """Answer with :func:`error_body`."""
    await send_bytes(send, status, JSON, error_body(message), headers)


async def send_bytes(send: Send, status: int, content_type: bytes, body: bytes, headers: Headers | None = None) -> None:
    """Answer with a body that is complete already."""
    fields = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": fields + (headers or [])})
    await send({"type": "http.response.body", "body": body})
