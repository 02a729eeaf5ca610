"""Looks into JSON without decoding it: how deep it nests, and whether its escapes can be stored.

Anybody may send megabytes, so the text is looked at in windows: no step holds up other threads for long, and none needs
more memory than its window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

WINDOW: Final = 512 * 1024

_QUOTE, _OPENING, _CLOSING = ord('"'), (ord("["), ord("{")), (ord("]"), ord("}"))
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HIGH = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_UNUSABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
# The longest thing that must stay together: the escapes of a surrogate pair.
_LONGEST_ESCAPE = 12


def nests_deeper(data: bytes, most: int) -> bool:
    """Tell whether objects and lists are nested deeper than ``most`` anywhere; brackets in strings do not count."""
    if data.count(b"[") + data.count(b"{") <= most:
        return False
    depth, inside = 0, 0
    for window in _windows(data):
        characters = np.frombuffer(window.replace(b'\\"', b"  "), dtype=np.uint8)
        in_string = (np.cumsum(characters == _QUOTE, dtype=np.int64) + inside) & 1
        steps = np.isin(characters, _OPENING).astype(np.int64) - np.isin(characters, _CLOSING)
        depths = np.cumsum(np.where(in_string, 0, steps)) + depth
        if depths.max() > most:
            return True
        depth, inside = int(depths[-1]), int(in_string[-1])
    return False


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
