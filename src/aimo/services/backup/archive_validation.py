"""What a backup may hold; asked of every member before anything is restored (docs/backup.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from aimo.db.column_values import fits, fits_long, is_json, is_optional
from aimo.db.queries import backup as sql
from aimo.services.backup.format import longest_row
from aimo.services.backup.rows import RawRow, is_short, lines, plain, raw_row
from aimo.storage.keys import is_valid_key
from aimo.vectors.archive import fields_of, is_archived, require_row, vector_length

HEADER, MANIFEST = "backup.json", "manifest.json"
FILES, TABLES, VECTORS = "files/", "tables/", "vectors/"
_ROWS = re.compile(r"(tables|vectors)/([a-z0-9_]+)/\d{6,}\.ndjson", re.ASCII)
# An installation has had few embedding models; each length makes a table of its own.
_MOST_LENGTHS = 100


def holds_rows(name: str) -> bool:
    """Return whether a member has rows, by its name."""
    return not name.startswith(FILES) and name.endswith(".ndjson")


def require_member(name: str) -> None:
    """See that backups have a member of this name.

    Raises:
        ValueError: it is not.
    """
    if name.startswith(FILES):
        if not is_valid_key(name.removeprefix(FILES)):
            raise ValueError(f"{name!r:.300} is no name of a stored file")
    elif name not in (HEADER, MANIFEST):
        found = _ROWS.fullmatch(name)
        if not found:
            raise ValueError(f"{name!r:.300} is no member of a backup")
        require_table(f"{found[1]}/{found[2]}")


def require_table(name: str) -> None:
    """See that ``tables/…`` or ``vectors/…`` is one that backups have.

    Raises:
        ValueError: it is not.
    """
    if name.startswith(TABLES):
        known = name.removeprefix(TABLES) in sql.TABLES
    else:
        known = name.startswith(VECTORS) and is_archived(name.removeprefix(VECTORS))
    if not known:
        raise ValueError(f"{name!r:.300} is a table that nobody knows")


def table_rows(name: str, chunks: Iterable[bytes]) -> Iterator[RawRow]:
    """Yield the rows of a member of ``tables/`` or ``vectors/``; only columns of its table are in them.

    Raises:
        DamagedArchive: a line is too long or cannot be read, or has an unknown column.
    """
    prefix, table, _ = name.split("/")
    columns = tuple(fields_of(table)) if prefix == "vectors" else tuple(sql.TABLES[table].columns.keys())
    for line in lines(name, chunks, longest_row(name)):
        yield raw_row(name, line, columns)


class ContentValidator:
    """Looks at the rows of a whole backup; those of an ``older`` schema may lack columns that came later."""

    def __init__(self, *, older: bool) -> None:
        self._older = older
        self._lengths: set[tuple[str, int]] = set()

    def require(self, name: str, rows: Iterable[RawRow]) -> int:
        """See that the rows of a member fit their table; return how many there are.

        Raises:
            ValueError: they do not.
        """
        prefix, table, _ = name.split("/")
        number = self._vectors(name, table, rows) if prefix == "vectors" else self._table(name, table, rows)
        if not number:
            raise ValueError(f"{name} is empty")
        return number

    def _vectors(self, name: str, table: str, rows: Iterable[RawRow]) -> int:
        number, first = 0, 0
        for number, raw in enumerate(rows, 1):
            row = {key: plain(name, value) for key, value in raw.items()}
            require_row(f"line {number} of {name}", table, row)
            length = vector_length(row)
            if first not in (0, length):
                raise ValueError(f"the vectors in {name} differ in length")
            first = length
        self._lengths.add((table, first))
        if len(self._lengths) > _MOST_LENGTHS:
            raise ValueError(f"there are vectors of more than {_MOST_LENGTHS} kinds")
        return number

    def _table(self, name: str, table: str, rows: Iterable[RawRow]) -> int:
        columns = {column.name: column for column in sql.TABLES[table].columns}
        first: set[str] | None = None
        number = 0
        for number, row in enumerate(rows, 1):
            if first is None:
                first = set(row)
                lacking = columns.keys() - first
                if wrong := {key for key in lacking if not (self._older and is_optional(columns[key]))}:
                    raise ValueError(
                        f"{name} does not have the columns of {table}; missing: {', '.join(sorted(wrong))}"
                    )
            if row.keys() != first:
                raise ValueError(f"line {number} of {name} has other columns than the first")
            for key, value in row.items():
                if not _fits(name, columns[key], value):
                    raise ValueError(f"line {number} of {name} has a {key} that cannot be one")
        return number


def restorable(name: str, table: str, row: RawRow) -> dict[str, object]:
    """Return a row as the database takes it: JSON as its text, everything else as values, bytes as base64."""
    columns = sql.TABLES[table].columns
    return {
        key: value if is_json(columns[key]) and not is_short(value) else plain(name, value)
        for key, value in row.items()
    }


def _fits(name: str, column: Any, raw: msgspec.Raw) -> bool:
    if is_short(raw):
        return fits(column, plain(name, raw))
    return fits_long(column, bytes(memoryview(raw)[:1]))
