"""How much one statement may hold: rows that are larger could never be written, and must not break the run.

MySQL and MariaDB refuse, or hang up on, a statement longer than ``max_allowed_packet``. What is sent is text with
quoted values, so a value takes more room there than in its column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.errors import ConfigurationError

# What SQLite takes in one value or row unless it was compiled otherwise.
SQLITE_LIMIT = 1_000_000_000
# Lists of a thousand ids are asked for at once.
LEAST_LIMIT = 256 * 1024
# The statement around the values, and the columns that a run adds to those of a row.
_AROUND = 4096
_NUMBER = 32
_LONGEST_NOTE = 2000
_QUOTED = "\0\n\r\x1a\"'\\"

Row = TypeVar("Row", bound=Mapping[str, object])


async def packet_limit(database: Database) -> int:
    """Return how many bytes one statement may have.

    Raises:
        ConfigurationError: they are too few for any migration.
    """
    if database.is_sqlite:
        return SQLITE_LIMIT
    async with database.reads() as connection:
        limit = int((await connection.execute(sql.PACKET_LIMIT)).scalar_one())
    if limit < LEAST_LIMIT:
        raise ConfigurationError(
            f"max_allowed_packet of the database is {limit:,} bytes, and the migration needs {LEAST_LIMIT:,} at least: "
            "set it to 64M, then run the command again."
        )
    return limit


def statement_size(values: Iterable[object]) -> int:
    """Return how many bytes a statement with these values has at most."""
    return _AROUND + sum(map(_value_size, values))


def fits(values: Iterable[object], limit: int) -> bool:
    """Return whether one statement can hold these values."""
    values = list(values)
    return _AROUND + sum(map(_bound, values)) <= limit or statement_size(values) <= limit


def groups(rows: Sequence[Row], limit: int) -> Iterator[list[Row]]:
    """Yield the rows, in order, in groups that one statement can hold; a row that none can hold is alone."""
    group: list[Row] = []
    size = _AROUND
    for row in rows:
        more = sum(map(_bound, row.values()))
        if group and size + more > limit:
            yield group
            group, size = [], _AROUND
        group.append(row)
        size += more
    if group:
        yield group


def shortened(text: str) -> str:
    """Return a text for people, without the rest of what is too long to be read."""
    return text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}… ({len(text):,} characters)"


def left_out(value: object) -> dict[str, object]:
    """Return what stands for a value that is kept in the source alone."""
    return {"left_out_bytes": _value_size(value)}


def without_largest(content: Mapping[str, object], limit: int) -> dict[str, object]:
    """Return the columns of a row that one statement can hold: the largest ones are left out, as few as possible."""
    kept = dict(content)
    for name in sorted(kept, key=lambda name: _value_size(kept[name]), reverse=True):
        if fits([kept], limit):
            break
        kept[name] = left_out(kept[name])
    return kept


def _bound(value: object) -> int:
    """Return quickly what `_value_size` is at most."""
    return 4 * len(value) + 2 if isinstance(value, str) else _value_size(value)


def _value_size(value: object) -> int:
    if isinstance(value, str):
        return _text_size(value)
    if isinstance(value, bytes):
        return 2 * len(value) + _NUMBER
    if isinstance(value, dict | list):
        return _text_size(msgspec.json.encode(value).decode())
    return _NUMBER


def _text_size(text: str) -> int:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size + sum(map(text.count, _QUOTED)) + 2
