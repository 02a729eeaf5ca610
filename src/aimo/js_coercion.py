"""Texts as JavaScript coerces them: ``Number()``, integer prefixes, booleans.

See docs/contract/requests.md#query-parameters.
"""

from __future__ import annotations

import math
import re
from typing import TypeVar

T = TypeVar("T")

# ECMAScript StringNumericLiteral: white space around, no sign before a radix prefix, no underscores.
_WHITE = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_INFINITY = re.compile(r"[+-]?Infinity")
_INTEGER = re.compile(r"[+-]?[0-9]+")

_LARGEST_EXACT = 2**53


def to_number(text: str) -> int | float | None:
    """``Number(text)``; None where that is NaN, and for the empty text.

    Whole numbers that a double holds exactly come back as ``int``; ``Infinity`` and
    what overflows come back as infinities.
    """
    if text.isdigit() and text.isascii() and len(text) < 16:
        return int(text)
    if not text:
        return None
    literal = text.strip(_WHITE)
    if not literal:
        return 0
    if _RADIX.fullmatch(literal):
        return _narrow(_as_double(int(literal, 0)))
    if _DECIMAL.fullmatch(literal):
        return _narrow(float(literal))
    if _INFINITY.fullmatch(literal):
        return float(literal.replace("Infinity", "inf"))
    return None


def to_boolean(text: str) -> bool | None:
    """Return True for ``true``, ``1`` and the empty text, False for ``false`` and ``0``, else None."""
    if text in ("true", "1", ""):
        return True
    return False if text in ("false", "0") else None


def integer_prefix(text: str) -> int | None:
    """``parseInt(text, 10)``: ``12abc`` is 12, ``2023-01-01`` is 2023; None where no digit leads.

    More digits than a double can hold saturate at ±10**308.
    """
    match = _INTEGER.match(text.lstrip(_WHITE))
    if match is None:
        return None
    digits = match.group()
    if len(digits) > 309:
        return -(10**308) if digits.startswith("-") else 10**308
    return int(digits)


def as_js_number(value: T) -> T | float:
    """Return a JSON number as a double holds it: large whole ones lose digits or become infinite."""
    return _as_double(value) if isinstance(value, int) and abs(value) > _LARGEST_EXACT else value


def clamp(number: float, low: int, high: int) -> int:
    """Return a finite whole number within bounds, rounded down; infinities become a bound."""
    if number >= high:
        return high
    return math.floor(number) if number > low else low


def _as_double(whole: int) -> float:
    try:
        return float(whole)
    except OverflowError:
        return math.copysign(math.inf, 1 if whole > 0 else -1)


def _narrow(number: float) -> int | float:
    if number.is_integer() and abs(number) <= _LARGEST_EXACT:
        return int(number)
    return number
