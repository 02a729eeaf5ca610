"""``Range`` of one part (RFC 9110 section 14), which video players need to seek."""

from __future__ import annotations

import re
from typing import NamedTuple

_ONE_RANGE = re.compile(rb"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")


class Span(NamedTuple):
    """Bytes from ``start`` on."""

    start: int
    length: int


class UnsatisfiableError(ValueError):
    """The range lies outside the content: HTTP 416."""


def parse_range(header: bytes | None, size: int) -> Span | None:
    """Return the part a ``Range`` header asks for; None for the whole (no, malformed or several ranges).

    Raises:
        UnsatisfiableError: nothing of it is there.
    """
    match = _ONE_RANGE.fullmatch(header) if header is not None else None
    if match is None or match.group(1) == match.group(2) == b"":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise UnsatisfiableError
    return Span(start, end - start)
