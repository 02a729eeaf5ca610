"""Cutting texts that are too long for a model. Its tokens are unknown here, so they are estimated."""

from __future__ import annotations

from collections.abc import Iterator

# A letter, digit or blank of a common script, and a character of Chinese, Japanese, Korean and the like.
_NARROW = 0.3
_WIDE = 1.5
# Lengths in tokens at which a text is tried again: models take 8192, 2048, 512 or 256.
LEVELS = (6000, 1800, 450, 200, 100, 50, 25)


def tokens(text: str) -> float:
    """Return about how many tokens a text has, rather too many than too few."""
    wide = sum(map(_is_wide, text)) if not text.isascii() else 0
    return wide * _WIDE + (len(text) - wide) * _NARROW


def beginning(text: str, most: float) -> str:
    """Return the beginning of a text that has about so many tokens."""
    if text.isascii():
        return text[: max(1, int(most / _NARROW))]
    left = most
    for at, character in enumerate(text):
        left -= _WIDE if _is_wide(character) else _NARROW
        if left < 0:
            return text[: max(1, at)]
    return text


def levels(size: float, limit: tuple[int, int | None] | None, start: float | None) -> Iterator[float]:
    """Yield the lengths to try for a text of ``size`` tokens, ever shorter ones.

    Args:
        size: the estimated length of the text.
        limit: what the provider says: the most tokens, and how many it counted in this text.
        start: the length that fitted a text before; longer ones are not tried.
    """
    most = size
    if limit is not None:
        allowed, counted = limit
        most = size * allowed / counted * 0.9 if counted and counted > allowed else min(size, allowed * 0.9)
        if most < size and (start is None or most < start):
            yield most
    for level in LEVELS:
        if level < most and (start is None or level <= start):
            yield float(level)


def _is_wide(character: str) -> bool:
    return ord(character) >= 0x1100
