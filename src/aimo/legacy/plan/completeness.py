"""Whether a source looks complete: tables that it must have, and rows that other rows refer to.

A copy that was interrupted, or made of some folders only, looks like a small database. What shows it: the source's own
record of its tables, and references to tables that are missing or empty.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from aimo import ids
from aimo.legacy.plan.options import KNOWN, ROW_TABLES
from aimo.legacy.source.column_values import Kind, values_of
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.vectors.legacy_source import LegacySource, SourceTable

# Every release of the old server had them.
CORE_TABLES = ("users", "memos")
_RECORD = "table_migrations"
_PAGE = 20_000
# From so many on, ids of which half lead nowhere are more than what deleted rows leave.
_SUSPICIOUS = 3


@dataclass(frozen=True)
class Reference:
    """A column whose values are ids of rows of another table; ``kept`` where they arrive whether or not those do."""

    table: str
    column: str
    target: str
    kind: Kind = Kind.TEXT
    kept: bool = False


_OWNED = tuple(name for name in ROW_TABLES if name not in ("users", "ai_messages", "review_items", _RECORD))
REFERENCES = (
    *(Reference(name, "uid", "users") for name in _OWNED),
    Reference("memos", "categoryId", "categories"),
    Reference("memos", "tagIds", "tags", Kind.TEXTS),
    Reference("memos", "attachments", "attachments", Kind.TEXTS, kept=True),
    Reference("memo_relations", "sourceMemoId", "memos"),
    Reference("memo_relations", "targetMemoId", "memos"),
    Reference("ai_messages", "conversationId", "ai_conversations"),
    Reference("in_app_notifications", "memoId", "memos", kept=True),
    Reference("spaced_repetition_cards", "memoId", "memos"),
    Reference("daily_recommendations", "memoIds", "memos", Kind.TEXTS, kept=True),
)
_KEYS = {
    "users": "uid",
    "categories": "categoryId",
    "tags": "tagId",
    "memos": "memoId",
    "attachments": "attachmentId",
    "ai_conversations": "conversationId",
}
# Without these, rows arrive that mean nothing: nobody could log in, or say whose a memo is.
_COLUMNS = {
    "users": ("uid", "email", "password"),
    "categories": ("categoryId", "uid", "name"),
    "tags": ("tagId", "uid", "name"),
    "memos": ("memoId", "uid", "content"),
}
_ADVICE = "an incomplete copy? Copy the old server's folder again, or name the tables to migrate with --table"


@dataclass(frozen=True)
class MissingTables:
    """Lines about tables that are missing or empty.

    Args:
        damaging: without them rows of other tables would arrive wrong, and stay so when a better copy comes.
        harmless: they are missed, and a better copy would still bring all that is in them.
    """

    damaging: list[str] = field(default_factory=list)
    harmless: list[str] = field(default_factory=list)


async def find_missing_tables(source: LegacySource) -> MissingTables:
    """Return what is said of each table that should be there, or have rows, and does not.

    Raises:
        VectorStoreError: the source cannot be read.
    """
    recorded = await _recorded_tables(source)
    found = MissingTables()
    for name in KNOWN:
        table = source.tables.get(name)
        if table is not None and table.rows:
            lacking = [column for column in _COLUMNS.get(name, ()) if column not in table.schema.names]
            if lacking:
                columns = ", ".join(f"{name}.{column}" for column in lacking)
                found.damaging.append(f"The core table {name} lacks {columns}: {_ADVICE}.")
        if table is not None and (table.rows or name not in _KEYS):
            continue
        state = "missing from the source" if table is None else "empty"
        if name in CORE_TABLES and table is None:
            found.damaging.append(f"The core table {name} is {state}: {_ADVICE}.")
        elif referring := await _referring(source, name):
            lines = found.harmless if all(one.kept for one in referring) else found.damaging
            refer = ", ".join(f"{count:,} ids in {one.table}.{one.column}" for one, count in referring.items())
            lines.append(f"The core table {name} is {state}, but {refer} refer to its rows: {_ADVICE}.")
        elif table is None and name in recorded:
            found.harmless.append(f"The table {name} is {state}, which lists it in {_RECORD}: {_ADVICE}.")
    return found


@dataclass(frozen=True)
class DeadIds:
    """How many ids in a column lead to no row. Some do in every source: the old server leaves those of deleted rows."""

    column: str
    target: str
    ids: int
    dead: int

    @property
    def suspicious(self) -> bool:
        """Whether so many do that the other table may lack rows."""
        return self.dead >= _SUSPICIOUS and 2 * self.dead >= self.ids

    def __str__(self) -> str:
        return f"{self.dead:,} of {self.ids:,} ids in {self.column} lead to no row of {self.target}"


async def count_dead_ids(source: LegacySource, names: Iterable[str]) -> list[DeadIds]:
    """Return the columns of these tables that have ids of rows that are not there.

    Raises:
        VectorStoreError: the source cannot be read.
    """
    counted = []
    chosen = set(names)
    held: dict[str, pa.Array] = {}
    for reference in REFERENCES:
        target = source.tables.get(reference.target)
        if reference.table not in chosen or target is None:
            continue
        if reference.target not in held:
            held[reference.target] = pa.array(await _all_ids(target, _KEYS[reference.target]), pa.string())
        found = dead = 0
        async for page in _pages_of_ids(source.tables[reference.table], reference.column, reference.kind):
            there = pc.sum(pc.is_in(pa.array(page, pa.string()), held[reference.target])).as_py() or 0
            found += len(page)
            dead += len(page) - there
        if dead:
            counted.append(DeadIds(f"{reference.table}.{reference.column}", reference.target, found, dead))
    return counted


async def _recorded_tables(source: LegacySource) -> set[str]:
    """Return the tables that the source's own record names."""
    record = source.tables.get(_RECORD)
    return set() if record is None else set(await _all_ids(record, "tableName"))


async def _referring(source: LegacySource, target: str) -> dict[Reference, int]:
    """Return which columns hold ids of rows of a table, with how many."""
    found = {}
    for reference in REFERENCES:
        table = source.tables.get(reference.table)
        if reference.target != target or table is None:
            continue
        count = 0
        async for page in _pages_of_ids(table, reference.column, reference.kind):
            count += len(page)
        if count:
            found[reference] = count
    return found


async def _all_ids(table: SourceTable, column: str) -> list[str]:
    return [key async for page in _pages_of_ids(table, column, Kind.TEXT) for key in page]


async def _pages_of_ids(table: SourceTable, column: str, kind: Kind) -> AsyncIterator[list[str]]:
    """Yield what can be ids in a column, page by page; the old server also left single characters of texts in lists."""
    if column not in table.schema.names:
        return
    for first in range(0, table.rows, _PAGE):
        page = await read_with_nulls_for_lost(table, [column], first, min(_PAGE, table.rows - first))
        values = values_of(page.column(0), kind)
        if kind is Kind.TEXTS:
            values = [item for value in values if isinstance(value, list) for item in value]
        yield [value for value in values if isinstance(value, str) and len(value) > 1 and ids.is_possible(value)]
