"""A JSON body as the handlers may rely on it: a well-formed object (docs/contract/bodies.md)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from aimo.http.edge.json_scan import has_unusable_escapes, shape_of, without_unusable_escapes

MAX_DEPTH = 200
"""Deepest nesting that is passed on; far below what any decoder's recursion allows."""

MAX_VALUES = 100_000
"""Most values of all lists and objects together: decoding more holds up others, and no client has so much to say."""

EMPTY = b"{}"

_WHITE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


class BadBodyError(Exception):
    """A body that no route sees.

    ``status`` is the HTTP status and the text the ``message`` of the answer; ``retry_after`` is in seconds.
    """

    def __init__(self, message: str, status: int = 400, *, retry_after: int | None = None) -> None:
        self.status = status
        self.retry_after = retry_after
        super().__init__(message)


class Body(NamedTuple):
    """A JSON object as bytes, and whether some text in it cannot be stored."""

    data: bytes
    unusable: bool = False


def normalise(raw: bytes) -> Body:
    """Return the object a JSON body stands for; an array counts as an empty object.

    The bytes are those that came. Text that cannot be stored (a NUL, a lone surrogate) is
    reported instead, because it is a business error of the route; nobody reads such a body.

    Raises:
        BadBodyError: malformed JSON, invalid UTF-8, nesting beyond ``MAX_DEPTH``, more than
            ``MAX_VALUES`` values, or a text, number, boolean or null at the top.
    """
    data = raw.removeprefix(_BOM)
    first = data.lstrip(_WHITE)[:1]
    if not data:
        return Body(EMPTY)
    if first not in (b"{", b"["):
        raise BadBodyError("The request body must be a JSON object")
    unusable = has_unusable_escapes(data)
    _require_well_formed(without_unusable_escapes(data) if unusable else data)
    return Body(EMPTY if unusable or first == b"[" else data, unusable)


def _require_well_formed(data: bytes) -> None:
    shape = shape_of(data)
    if shape.depth > MAX_DEPTH:
        raise BadBodyError("The request body is nested too deeply")
    if shape.values > MAX_VALUES:
        raise BadBodyError(f"The request body has more than {MAX_VALUES} values", 413)
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        if not data.isascii():
            data.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadBodyError("Malformed JSON in the request body") from None
