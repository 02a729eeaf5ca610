"""Source columns to Python values, whatever type the build had that made them.

See docs/contract/source-database.md#what-older-and-newer-builds-left.

A column can be missing, be of type Null, or have another width or unit than today's. What cannot be read
becomes an `UnreadableValue`, so that one value costs its row and no other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

import pyarrow as pa

from aimo.clock import to_ms


class Kind(Enum):
    """What a column means."""

    TEXT = "text"
    WHOLE = "whole"
    REAL = "real"
    FLAG = "flag"
    MOMENT = "moment"
    TEXTS = "texts"
    SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """A value that is there and cannot be understood."""

    why: str


def values_of(column: pa.ChunkedArray, kind: Kind) -> list[Any]:
    """Return one Python value a row: str, int, float, bool, list, None, or `UnreadableValue`."""
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if kind is Kind.MOMENT and pa.types.is_timestamp(column.type):
        return _whole_milliseconds(column)
    try:
        plain = column.to_pylist()
    except (UnicodeDecodeError, ValueError, OverflowError):
        plain = [_alone(column, place) for place in range(len(column))]
    return plain if _is_plain(column.type, kind) else [_read(value, kind) for value in plain]


def _is_plain(type_: pa.DataType, kind: Kind) -> bool:
    """Return whether Arrow's own Python values are already what the kind promises."""
    return (
        (kind is Kind.TEXT and (pa.types.is_string(type_) or pa.types.is_large_string(type_)))
        or (kind is Kind.WHOLE and pa.types.is_integer(type_))
        or (kind is Kind.FLAG and pa.types.is_boolean(type_))
    )


_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}


def _whole_milliseconds(column: pa.ChunkedArray) -> list[int | None]:
    """Timestamps of any unit as UTC milliseconds, rounded down; without a zone they are UTC."""
    numbers: list[int | None] = column.cast(pa.int64()).to_pylist()
    each = _PER_SECOND[column.type.unit]
    return numbers if each == 1000 else [None if n is None else n * 1000 // each for n in numbers]


def _alone(column: pa.ChunkedArray, place: int) -> Any:
    try:
        return column[place].as_py()
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        return UnreadableValue(str(error))


def _read(value: object, kind: Kind) -> object:
    if value is None or isinstance(value, UnreadableValue):
        return value
    try:
        return _READERS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        return UnreadableValue(f"{type(value).__name__} where {kind.value} is expected: {error}")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str | int | float):
        raise TypeError("it is no text")
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("it is no whole number")
    return int(value)


def _real(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("it is no number")
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1")
    return bool(value)


def _moment(value: Any) -> int:
    if isinstance(value, datetime):
        return to_ms(value.replace(tzinfo=None) if value.tzinfo is None else _utc(value))
    if isinstance(value, date):
        return to_ms(datetime(value.year, value.month, value.day))
    if isinstance(value, str):
        return _moment(datetime.fromisoformat(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it is no moment")
    return int(value)


def _utc(value: datetime) -> datetime:
    offset = value.utcoffset()
    naive = value.replace(tzinfo=None)
    return naive - offset if offset else naive


def _texts(value: object) -> list[object]:
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        return _texts_of_text(value)
    if not isinstance(value, list):
        raise TypeError("it is no list")
    return [None if item is None else _text(item) for item in value]


def _texts_of_text(value: str) -> list[object]:
    """Return a list that an early build kept as text: JSON, or names with commas between them."""
    listed = _json_texts(value) if value.lstrip().startswith("[") else None
    return [part.strip() for part in value.split(",") if part.strip()] if listed is None else listed


def _json_texts(value: str) -> list[object] | None:
    """Return the texts of a JSON list; None for anything else, as for a first name that begins with a bracket."""
    try:
        return [None if item is None else _text(item) for item in json.loads(value)]
    except (ValueError, TypeError, RecursionError):
        return None


def _sources(value: object) -> list[object]:
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, list) or not all(item is None or isinstance(item, dict) for item in value):
        raise TypeError("it is no list of sources")
    return value


_READERS: dict[Kind, Callable[[object], object]] = {
    Kind.TEXT: _text,
    Kind.WHOLE: _whole,
    Kind.REAL: _real,
    Kind.FLAG: _flag,
    Kind.MOMENT: _moment,
    Kind.TEXTS: _texts,
    Kind.SOURCES: _sources,
}
