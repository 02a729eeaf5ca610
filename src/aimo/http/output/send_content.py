"""Answering with stored bytes: conditional requests, ranges, ``HEAD``, streaming.

See docs/contract/files.md#signed-files.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate, parsedate_to_datetime

from aimo.http.asgi_types import Headers, Receive, Scope, Send, header
from aimo.http.edge.ranges import Span, UnsatisfiableError, parse_range
from aimo.storage.protocol import StoredObject


async def send_content(stored: StoredObject, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a GET or HEAD with an open object: 200, 206, 304 or 416.

    ``headers`` come first and hold the content type. A client that leaves ends the
    reading. The caller closes the object.
    """
    modified = _last_modified(stored)
    fields = [*headers, (b"accept-ranges", b"bytes"), *modified]
    if _is_fresh(scope, stored):
        await _send_whole(send, 304, [field for field in fields if field[0] != b"content-type"], b"")
        return
    try:
        span = parse_range(_range_header(scope, modified), stored.size)
    except UnsatisfiableError:
        await _send_whole(send, 416, [(b"content-range", b"bytes */%d" % stored.size), (b"content-length", b"0")], b"")
        return
    status = 200 if span is None else 206
    part = span or Span(0, stored.size)
    fields.append((b"content-length", b"%d" % part.length))
    if span is not None:
        fields.append((b"content-range", b"bytes %d-%d/%d" % (part.start, part.start + part.length - 1, stored.size)))
    if scope["method"] == "HEAD" or part.length == 0:
        await _send_whole(send, status, fields, b"")
        return
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await _stream(stored, part, receive, send)


async def _stream(stored: StoredObject, part: Span, receive: Receive, send: Send) -> None:
    left = part.length
    gone: asyncio.Future[None] | None = None
    try:
        async for piece in stored.read(part.start, part.length):
            left -= len(piece)
            if gone is not None and gone.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if left > 0 and gone is None:
                gone = asyncio.ensure_future(_until_gone(receive))
    finally:
        if gone is not None:
            gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _last_modified(stored: StoredObject) -> Headers:
    if stored.modified is None:
        return []
    return [(b"last-modified", formatdate(stored.modified, usegmt=True).encode())]


def _is_fresh(scope: Scope, stored: StoredObject) -> bool:
    since = header(scope, b"if-modified-since")
    if since is None or stored.modified is None or header(scope, b"if-none-match") is not None:
        return False
    try:
        return int(stored.modified) <= parsedate_to_datetime(since.decode("latin-1")).timestamp()
    except (ValueError, OverflowError):
        return False


def _range_header(scope: Scope, modified: Headers) -> bytes | None:
    """``Range``, unless ``If-Range`` says that the client's part is of something older."""
    if_range = header(scope, b"if-range")
    if if_range is not None and if_range not in [value for _, value in modified]:
        return None
    return header(scope, b"range")
