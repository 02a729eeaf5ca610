"""The drivers by hand: a pool of connections, and rows as tuples. Statements are written with ``%s``."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Protocol

import aiosqlite
import asyncmy

from aimo.config import Settings

_CONNECTIONS = 10


class Connection(Protocol):
    """One connection, in autocommit unless `BEGIN` was executed."""

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        """All rows of a query."""

    async def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Execute; the id of an inserted row."""


class Pool(Protocol):
    """Lends connections."""

    def connection(self) -> Any:
        """A context manager that gives a `Connection`."""

    def transaction(self) -> Any:
        """The same inside a transaction."""


def entries(values: Sequence[Any]) -> str:
    """A placeholder for each value."""
    return ", ".join(["%s"] * len(values))


async def open_pool(settings: Settings) -> Pool:
    """The pool of the configured database."""
    if not settings.uses_mysql:
        return await _SQLitePool.open(settings)
    return _MySQLPool(
        await asyncmy.create_pool(
            minsize=2,
            maxsize=_CONNECTIONS,
            autocommit=True,
            host=settings.mysql_host,
            port=settings.mysql_port,
            user=settings.mysql_user,
            password=settings.mysql_password.get_secret_value(),
            db=settings.mysql_database,
            charset="utf8mb4",
            init_command="SET time_zone = '+00:00', tx_isolation = 'READ-COMMITTED'",
        )
    )


class _MySQL:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        await self._cursor.execute(sql, values)
        found: Sequence[Any] = await self._cursor.fetchall()
        return found

    async def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        await self._cursor.execute(sql, values)
        return self._cursor.lastrowid


class _MySQLPool:
    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection, connection.cursor() as cursor:
            yield _MySQL(cursor)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.connection() as connection:
            await connection.run("START TRANSACTION")
            try:
                yield connection
                await connection.run("COMMIT")
            except BaseException:
                await connection.run("ROLLBACK")
                raise


@cache
def _question_marks(sql: str) -> str:
    return sql.replace("%s", "?")


class _SQLite:
    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        return list(await self._connection.execute_fetchall(_question_marks(sql), values))

    async def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        there: Any = self._connection._execute
        return await there(self._now, _question_marks(sql), values)

    def _now(self, sql: str, values: Sequence[Any]) -> Any:
        """In the connection's thread, one visit a statement."""
        inner: sqlite3.Connection = self._connection._conn
        return inner.execute(sql, values).lastrowid


class _SQLitePool:
    def __init__(self, connections: list[_SQLite]) -> None:
        self._free: asyncio.LifoQueue[_SQLite] = asyncio.LifoQueue()
        self._writing = asyncio.Lock()
        for connection in connections:
            self._free.put_nowait(connection)

    @classmethod
    async def open(cls, settings: Settings) -> _SQLitePool:
        connections = []
        for _ in range(_CONNECTIONS):
            connection = await aiosqlite.connect(settings.sqlite_path, isolation_level=None, timeout=5)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                await connection.execute_fetchall(f"PRAGMA {setting}")
            connections.append(_SQLite(connection))
        return cls(connections)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._writing, self.connection() as connection:
            await connection.run("BEGIN IMMEDIATE")
            try:
                yield connection
                await connection.run("COMMIT")
            except BaseException:
                await connection.run("ROLLBACK")
                raise
