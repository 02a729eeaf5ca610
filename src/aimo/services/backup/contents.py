"""What a backup may hold; asked of every member before anything is restored (docs/backup.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aimo.db.queries import archive as sql
from aimo.db.values import fits, may_be_missing
from aimo.storage.keys import is_key
from aimo.vectors.archive import is_archived, require_rows

HEADER, MANIFEST = "backup.json", "manifest.json"
FILES, TABLES, VECTORS = "files/", "tables/", "vectors/"
_ROWS = re.compile(r"(tables|vectors)/([a-z0-9_]+)/\d{6,}\.ndjson", re.ASCII)


def holds_rows(name: str) -> bool:
    """Whether a member has rows, by its name."""
    return not name.startswith(FILES) and name.endswith(".ndjson")


def require_member(name: str) -> None:
    """See that backups have a member of this name.

    Raises:
        ValueError: it is not.
    """
    if name.startswith(FILES):
        if not is_key(name.removeprefix(FILES)):
            raise ValueError(f"{name!r} is no name of a stored file")
    elif name not in (HEADER, MANIFEST):
        found = _ROWS.fullmatch(name)
        if not found:
            raise ValueError(f"{name!r} is no member of a backup")
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
        raise ValueError(f"{name!r} is a table that nobody knows")


def require_contents(name: str, rows: Sequence[Mapping[str, Any]], *, older: bool) -> None:
    """See that the rows of a member fit their table; those of an ``older`` schema may lack columns that came later.

    Raises:
        ValueError: they do not.
    """
    if not rows:
        raise ValueError(f"{name} is empty")
    prefix, table, _ = name.split("/")
    if prefix == "vectors":
        require_rows(name, table, rows)
        return
    columns = {column.name: column for column in sql.TABLES[table].columns}
    first = rows[0].keys()
    lacking = {key for key in columns if key not in first and not (older and may_be_missing(columns[key]))}
    if wrong := lacking | (first - columns.keys()):
        raise ValueError(f"{name} does not have the columns of {table}; missing or unknown: {', '.join(sorted(wrong))}")
    for number, row in enumerate(rows, 1):
        if row.keys() != first:
            raise ValueError(f"line {number} of {name} has other columns than the first")
        for key, value in row.items():
            if not fits(columns[key], value):
                raise ValueError(f"line {number} of {name} has a {key} that cannot be one")
