"""A target for dry runs: a copy of the real one's rows in a temporary file, so that nothing real is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Table, inspect, select, tuple_

from aimo.config import Settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.queries.backup import WITH_LONG_TEXTS
from aimo.db.schema import Model
from aimo.db.transaction import transaction

_PAGE = 2000
# Of rows of which each may have megabytes.
_LARGE_PAGE = 50


@asynccontextmanager
async def dry_run_database(settings: Settings) -> AsyncIterator[Database]:
    """Provide a temporary database with the schema of this release and the rows of the configured one."""
    with TemporaryDirectory(prefix="aimo-dry-run-") as folder:
        nearby = {"mysql_host": None, "mysql_database": None, "aimo_data_dir": Path(folder)}
        scratch = await Database.open(settings.model_copy(update=nearby))
        try:
            await migrate.migrate(scratch)
            if settings.uses_mysql or settings.sqlite_path.exists():
                real = await Database.open(settings)
                try:
                    await _copy(real, scratch)
                finally:
                    await real.close()
            yield scratch
        finally:
            await scratch.close()


async def _copy(real: Database, scratch: Database) -> None:
    async with real.engine.connect() as connection:
        existing = await connection.run_sync(_columns)
    for table in Model.metadata.sorted_tables:
        if table.name in existing:
            await _copy_table(real, scratch, table, existing[table.name])


def _columns(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    return {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}


async def _copy_table(real: Database, scratch: Database, table: Table, existing: set[str]) -> None:
    columns = [column for column in table.columns if column.name in existing]
    keys = list(table.primary_key.columns)
    page = _LARGE_PAGE if table.name in WITH_LONG_TEXTS else _PAGE
    after: tuple[object, ...] | None = None
    while True:
        query = select(*columns).order_by(*keys).limit(page)
        if after is not None:
            query = query.where(keys[0] > after[0] if len(keys) == 1 else tuple_(*keys) > after)
        async with real.reads() as connection:
            rows = [dict(row._mapping) for row in await connection.execute(query)]
        if not rows:
            return
        async with transaction(scratch, "migration.rehearsal") as connection:
            await connection.execute(sql.add(table), [{c.name: row[c.name] for c in columns} for row in rows])
        after = tuple(rows[-1][key.name] for key in keys)
