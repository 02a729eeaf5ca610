"""Statements that are larger than MySQL takes are refused before they are sent: the server would hang up on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

LARGEST_MEMO_BYTES: Final = 16 * 1024 * 1024
"""What MariaDB takes by default: memos of the largest size that users may write, and room for quoting."""

# What the drivers put a backslash before.
_QUOTED = "\0\n\r\x1a\\'\""
_LONG = 64 * 1024
_MARGIN = 4096


class StatementTooLargeError(Exception):
    """A statement has more bytes than the server takes; nothing was sent."""


def refuse_larger_statements(engine: Engine, most_bytes: int) -> None:
    """Raise StatementTooLargeError for each statement beyond ``max_allowed_packet`` of the server."""

    def measure(*about: object) -> None:
        _, _, sql, values, _, many = about
        for row in values if many and isinstance(values, list) else [values]:
            texts = [value for value in _values(row) if isinstance(value, str | bytes) and len(value) > _LONG]
            if not texts:
                continue
            size = len(str(sql)) + _MARGIN + sum(map(_quoted_size, texts))
            if size > most_bytes:
                raise StatementTooLargeError(f"a statement of {size} bytes; max_allowed_packet is {most_bytes}")

    event.listen(engine, "before_cursor_execute", measure)


def _values(row: object) -> Iterator[object]:
    found: Iterable[object] = row.values() if isinstance(row, Mapping) else row if isinstance(row, tuple | list) else ()
    return iter(found)


def _quoted_size(value: str | bytes) -> int:
    if isinstance(value, bytes):
        return 2 * len(value)
    return len(value.encode("utf-8", "surrogatepass")) + sum(map(value.count, _QUOTED))
