"""Queries of backup and restore: whole tables, every column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import JSON, Text, func, insert, select
from sqlalchemy import Table as CoreTable
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Model
from aimo.db.statements import unscoped
from aimo.db.typed import AnySelect, Command, Scalar

_EXCUSE = "a backup holds the whole installation"
_TRASHED = {"memos": "a backup holds the trash as well"}

# What concerns the processes of one installation and means nothing in another.
TRANSIENT = frozenset(
    {
        "answered_requests",
        "asr_tasks",
        "invariant_checks",
        "leases",
        "memo_change_counters",
        "memo_changes",
        "outbox_entries",
        "rate_limits",
        "trusted_times",
    }
)

# In the order in which foreign keys let them be filled.
TABLES: dict[str, CoreTable] = {
    table.name: table for table in Model.metadata.sorted_tables if table.name not in TRANSIENT
}
# Tables that have rows of any length.
WITH_LONG_TEXTS = frozenset(
    name for name, table in TABLES.items() if any(isinstance(column.type, Text | JSON) for column in table.columns)
)
READ: dict[str, AnySelect] = {
    name: unscoped(f"archive.read_{name}", select(*table.columns), reason=_EXCUSE, trashed=_TRASHED.get(name))
    for name, table in TABLES.items()
}
_WRITE = {
    name: Command(unscoped(f"archive.write_{name}", insert(table), reason=_EXCUSE)) for name, table in TABLES.items()
}
_COUNT = {
    name: Scalar[int](
        unscoped(
            f"archive.count_{name}",
            select(func.count()).select_from(table),
            reason=_EXCUSE,
            trashed=_TRASHED.get(name),
        )
    )
    for name, table in TABLES.items()
}


async def write(connection: AsyncConnection, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Store rows with all of their columns."""
    await _WRITE[table].run_many(connection, rows)


async def count(connection: ReadConnection, table: str) -> int:
    """Count the rows of a table."""
    return await _COUNT[table].one(connection)
