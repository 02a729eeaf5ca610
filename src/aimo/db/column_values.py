"""Which plain values, as a backup has them, a column can take."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, LargeBinary, String

from aimo import clock
from aimo.db.types import Millis

# JSON columns that are gone through as lists wherever they are read.
_LISTS = frozenset({"attachments", "channels", "memo_ids", "tag_ids"})
_BEYOND = 2**63


def fits(column: Column[Any], value: Any) -> bool:
    """Return whether a column takes a value: moments are epoch milliseconds, bytes base64. Any length will do."""
    kind = column.type
    if value is None:
        return bool(column.nullable)
    if isinstance(kind, Millis):
        return type(value) is int and _is_moment(value)
    if isinstance(kind, Boolean):
        return isinstance(value, bool)
    if isinstance(kind, Integer | BigInteger):
        return type(value) is int and -_BEYOND <= value < _BEYOND
    if isinstance(kind, LargeBinary):
        return isinstance(value, str) and _is_base64(value)
    if isinstance(kind, JSON):
        return column.name not in _LISTS or not value or isinstance(value, list)
    return not isinstance(kind, String) or isinstance(value, str)


def fits_long(column: Column[Any], begins: bytes) -> bool:
    """Return whether a column takes a value of which only its length and the first byte of its JSON are looked at."""
    if is_json(column):
        return column.name not in _LISTS or begins == b"["
    return isinstance(column.type, String) and begins == b'"'


def is_json(column: Column[Any]) -> bool:
    """Return whether a column holds any JSON."""
    return isinstance(column.type, JSON)


def is_optional(column: Column[Any]) -> bool:
    """Return whether a row can be added without the column."""
    return bool(column.nullable) or column.server_default is not None


def _is_moment(value: int) -> bool:
    try:
        clock.to_datetime(value)
    except OverflowError:
        return False
    return True


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
