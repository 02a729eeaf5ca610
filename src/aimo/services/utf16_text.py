"""Beginnings of texts, counted as the existing clients count: in UTF-16 units."""

from __future__ import annotations


def cut(text: str, units: int) -> str:
    """Return the first UTF-16 units of a text; a character of two units that does not fit is left out."""
    if len(text) * 2 <= units:
        return text
    return text[:units].encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "ignore")


def beginning(text: str, units: int) -> str:
    """Return the first UTF-16 units, with ``...`` when there are more."""
    start = cut(text, units)
    return start if len(start) == len(text) else f"{start}..."
