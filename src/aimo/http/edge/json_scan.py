"""Looks into JSON without decoding it: how deep it nests, and whether its escapes can be stored.

Anybody may send megabytes, so the text is looked at in windows: no step holds up other threads for long, and none needs
more memory than its window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

WINDOW: Final = 512 * 1024

FEW: Final = 200
"""So many brackets and commas are no trouble wherever they are."""

_COMMA = ord(",")
_QUOTE, _OPENING, _CLOSING = ord('"'), (ord("["), ord("{")), (ord("]"), ord("}"))
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HIGH = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_UNUSABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
# The longest thing that must stay together: the escapes of a surrogate pair.
_LONGEST_ESCAPE = 12


class Shape(NamedTuple):
    """How deep a JSON text nests, and how many values it has; what is in strings does not count.

    Values are the commas and the opening brackets: one comma may separate hundreds of lists inside each other.
    """

    depth: int
    values: int


def shape_of(data: bytes) -> Shape:
    """Look at a JSON text, well-formed or not.

    Where the text has few brackets and commas altogether, these numbers stand for the shape: it is at most that.
    """
    brackets, commas = data.count(b"[") + data.count(b"{"), data.count(b",")
    if brackets <= FEW and commas <= FEW:
        return Shape(brackets, brackets + commas)
    depth = deepest = values = inside = 0
    for window in _windows(data):
        characters = np.frombuffer(window.replace(b'\\"', b"  "), dtype=np.uint8)
        in_string = (np.cumsum(characters == _QUOTE, dtype=np.int64) + inside) & 1
        outside = np.where(in_string, 0, characters)
        opening = np.isin(outside, _OPENING)
        depths = np.cumsum(opening.astype(np.int64) - np.isin(outside, _CLOSING)) + depth
        deepest = max(deepest, int(depths.max()))
        values += int(np.count_nonzero(opening) + np.count_nonzero(outside == _COMMA))
        depth, inside = int(depths[-1]), int(in_string[-1])
    return Shape(deepest, values)


def has_unusable_escapes(data: bytes) -> bool:
    """Tell whether an escape stands for a NUL or for half of a surrogate pair, which no store can hold."""
    return b"\\u" in data and any(_UNUSABLE.search(_PAIR.sub(b"", window)) for window in _windows(data))


def without_unusable_escapes(data: bytes) -> bytes:
    """Return JSON of the same form that a strict decoder can check; its texts are not the ones that were sent."""
    return b"".join(_UNUSABLE.sub(rb"\\ufffd", window) for window in _windows(data))


def _windows(data: bytes) -> Iterator[bytes]:
    """Yield the text in pieces that split no escape, escaped backslashes blanked."""
    start = 0
    while start < len(data):
        end = start + WINDOW
        if end < len(data):
            end = _before_escape(data, start, end)
        yield data[start:end].replace(b"\\\\", b"  ")
        start = end


def _before_escape(data: bytes, start: int, end: int) -> int:
    """Return where to cut at or before ``end`` so that no escape is split."""
    last = data.rfind(b"\\", max(start, end - _LONGEST_ESCAPE), end)
    if last < 0:
        return end
    head = data[start : last + 1]
    if (len(head) - len(head.rstrip(b"\\"))) % 2 == 0:
        return last + 1  # pairs of backslashes, each of which is complete
    return last - 6 if _HIGH.fullmatch(data[max(start, last - 6) : last]) else last
