"""Everything as it was at one moment, while others go on writing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.connection import Database

# The level holds for the next transaction alone, the pool's sessions stay as they are.
_MYSQL = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)
# SQLite takes its snapshot with the first read.
_SQLITE = ("BEGIN", "SELECT 1 FROM sqlite_master")


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[AsyncConnection]:
    """Provide a connection whose reads all see the same moment; it locks nobody out and may be held for long."""
    async with database.engine.connect() as connection:
        for statement in _SQLITE if database.is_sqlite else _MYSQL:
            await connection.exec_driver_sql(statement)
        try:
            yield connection
        finally:
            # Nothing was written, and whatever was left half-read must not reach the next user of the connection.
            await connection.invalidate()
