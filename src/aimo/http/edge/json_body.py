"""A JSON body as the handlers may rely on it: a well-formed object (contract 1.10, decisions 12)."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
import numpy as np

MAX_DEPTH = 200
"""Deepest nesting that is passed on; far below what any decoder's recursion allows."""

EMPTY = b"{}"

# Everything but an escaped NUL and lone surrogates; possessive, so it never backtracks.
_GOOD_ESCAPES = re.compile(
    rb"(?:[^\\]++|\\(?:[^u]|u(?:"
    rb"[dD](?:[89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[0-7][0-9a-fA-F]{2})"
    rb"|(?!0000)[0-9abcefABCEF][0-9a-fA-F]{3})))*+",
    re.DOTALL,
)
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(c for c in range(256) if c not in b"[]{}")
_WHITE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


class BadBodyError(Exception):
    """A body that is refused before anybody is authenticated.

    ``status`` is the HTTP status and the text the ``message`` of the answer.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class Body(NamedTuple):
    """A JSON object as bytes, and whether some text in it cannot be stored."""

    data: bytes
    unusable: bool = False


def normalise(raw: bytes) -> Body:
    """The object a JSON body stands for; an array counts as an empty object.

    The bytes are those that came unless they must differ. Text that cannot be stored (a
    NUL, a lone surrogate) is replaced and reported, because it is a business error that
    comes after authentication.

    Raises:
        BadBodyError: malformed JSON, invalid UTF-8, nesting beyond ``MAX_DEPTH``, or a
            text, number, boolean or null at the top.
    """
    data = raw.removeprefix(_BOM)
    first = data.lstrip(_WHITE)[:1]
    if not data:
        return Body(EMPTY)
    if first not in (b"{", b"["):
        raise BadBodyError("The request body must be a JSON object")
    unusable = b"\\u" in data and not _has_good_escapes(data)
    if unusable:
        data = _SUSPICIOUS_ESCAPE.sub(rb"\\ufffd", data)
    _require_well_formed(data)
    return Body(data if first == b"{" else EMPTY, unusable)


def _has_good_escapes(data: bytes) -> bool:
    match = _GOOD_ESCAPES.match(data)
    return match is not None and match.end() == len(data)


def _require_well_formed(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise BadBodyError("The request body is nested too deeply")
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
        if not data.isascii():
            data.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadBodyError("Malformed JSON in the request body") from None


def _depth(data: bytes) -> int:
    """Deepest nesting, found without recursion; at C speed, since anybody may send megabytes."""
    brackets = np.frombuffer(_STRING.sub(b"", data).translate(None, _NOT_BRACKETS), dtype=np.uint8)
    if brackets.size == 0:
        return 0
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), np.int8(1), np.int8(-1))
    return int(np.cumsum(steps, dtype=np.int32).max())
