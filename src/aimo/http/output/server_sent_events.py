"""Server-sent events: answers that come piece by piece."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import msgspec
from litestar.response import Stream

EVENT_STREAM = "text/event-stream; charset=utf-8"
# The type is given as a header, because a route's own media type would win over the answer's.
_HEADERS = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
_WANTED = re.compile(r"(^|,)\s*text/event-stream\s*(;|,|$)", re.IGNORECASE)


def wants_events(accept: str) -> bool:
    """Return whether an ``Accept`` header names the media type of events."""
    return _WANTED.search(accept) is not None


def event(name: str, data: object) -> bytes:
    """Return one event. JSON has no line breaks, so the data is always one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def event_stream(events: AsyncIterator[bytes]) -> Stream:
    """Return an answer of events; the iterator is cancelled when the client leaves."""
    return Stream(events, headers=_HEADERS)
