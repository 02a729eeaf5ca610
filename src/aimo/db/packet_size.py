"""Statements that are larger than MySQL takes are refused before they are sent: the server would hang up on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger(__name__)

LARGEST_MEMO_BYTES: Final = 16 * 1024 * 1024
"""What MariaDB takes by default: memos of the largest size that users may write, and room for quoting."""

# What the drivers put a backslash before.
_QUOTED = "\0\n\r\x1a\\'\""
_LONG = 64 * 1024
_MARGIN = 4096
_LIMIT = "aimo_max_allowed_packet"


class StatementTooLargeError(Exception):
    """A statement has more bytes than the server takes; nothing was sent."""


def refuse_larger_statements(engine: Engine) -> None:
    """Raise StatementTooLargeError for each statement beyond the ``max_allowed_packet`` of its connection.

    The connection is closed then: the server may take more by now, and tells so to new connections only.
    """
    small: set[int] = set()

    def ask(driver_connection: Any, record: ConnectionPoolEntry) -> None:
        cursor = driver_connection.cursor()
        cursor.execute("SELECT @@max_allowed_packet")
        (most,) = cursor.fetchone()
        cursor.close()
        record.info[_LIMIT] = int(most)
        if int(most) < LARGEST_MEMO_BYTES and int(most) not in small:
            small.add(int(most))
            log.warning(
                "the database takes small statements only; raise its max_allowed_packet to 16M or more",
                max_allowed_packet=int(most),
            )

    def measure(connection: Connection, cursor: object, sql: str, values: object, *about: object) -> None:
        most_bytes = connection.info[_LIMIT]
        for row in values if isinstance(values, list) else [values]:
            texts = [value for value in _values(row) if isinstance(value, str | bytes) and len(value) > _LONG]
            size = len(sql) + _MARGIN + sum(map(_quoted_size, texts)) if texts else 0
            if size > most_bytes:
                connection.invalidate()
                raise StatementTooLargeError(f"a statement of {size} bytes; max_allowed_packet is {most_bytes}")

    # Before the pool counts the connection: whoever waits for the answer may be cancelled.
    event.listen(engine, "connect", ask, insert=True)
    event.listen(engine, "before_cursor_execute", measure)


def _values(row: object) -> Iterator[object]:
    found: Iterable[object] = row.values() if isinstance(row, Mapping) else row if isinstance(row, tuple | list) else ()
    return iter(found)


def _quoted_size(value: str | bytes) -> int:
    if isinstance(value, bytes):
        return 2 * len(value)
    return len(value.encode("utf-8", "surrogatepass")) + sum(map(value.count, _QUOTED))
