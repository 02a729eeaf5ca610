"""Reading rows straight from the driver, by statements that SQLAlchemy has compiled once.

SQLAlchemy's way of running a statement costs three times what the driver needs for it; a page of memos asks
five. Here it compiles each statement, knows every type and keeps the pool, and only the
execution is short: values to the driver, cells back. Writes go through SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import aiosqlite
from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from aimo.db.connection_errors import is_lost
from aimo.db.slow_log import slow_log
from aimo.db.warm_pool import WarmPool

# Any SELECT: the types of its columns are not followed further.
Statement = Any
Processor = Callable[[object], object]
# The cells of a row, in the order of the statement's columns.
Cells = Sequence[Any]


class PooledConnection:
    """A connection just as the pool lends it, for `fetch_cells` only (`Database.driver_connection`)."""

    __slots__ = ("_lend", "_lent", "dialect")

    def __init__(
        self, lend: Callable[[], PoolProxiedConnection], lent: PoolProxiedConnection, dialect: Dialect
    ) -> None:
        self._lend = lend
        self._lent = lent
        self.dialect = dialect

    @property
    def driver(self) -> Any:
        """The driver's own connection."""
        return self._lent.driver_connection

    async def invalidate(self) -> None:
        """Close it; the pool opens another one when it needs to."""
        if self._lent.is_valid:
            await greenlet_spawn(self._lent.invalidate)

    async def renew(self) -> None:
        """Go on with another connection of the pool."""
        await self.invalidate()
        # First, since the pool may have no other place.
        self._lent.close()
        self._lent = await greenlet_spawn(self._lend)

    def give_back(self) -> None:
        """Return it to the pool."""
        self._lent.close()


# What can read: a connection of a transaction, of `Database.reads` or of `Database.driver_connection`.
ReadConnection = AsyncConnection | PooledConnection


class _PreparedStatement:
    """A compiled statement, with what turns values and cells from Python to database and back."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._placeholder = "?" if dialect.paramstyle == "qmark" else "%s"
        binds = compiled.binds
        self._names: list[str] = compiled.positiontup or []
        self._lists = [name for name in dict.fromkeys(self._names) if binds[name].expanding]
        if self._lists and " NOT IN " in self._sql:
            raise ValueError(f"an empty list would leave nothing of NOT IN: {self._sql}")
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._to_database = {
            name: processor for name, bind in binds.items() if (processor := _bind_processor(bind.type, dialect))
        }
        columns = list(statement.selected_columns)
        self._from_database = [
            (place, processor)
            for place, column in enumerate(columns)
            if (processor := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def bind(self, values: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL with a placeholder for each element of a list, and the values in order."""
        sql = self._sql
        values = {**self._fixed, **values}
        for name in self._lists:
            # Nothing equals NULL, so an empty list finds nothing.
            places = ", ".join([self._placeholder] * len(values[name])) or "NULL"
            sql = sql.replace(f"__[POSTCOMPILE_{name}]", places)
        ordered: list[object] = []
        for name in self._names:
            value = values[name]
            processor = self._to_database.get(name)
            if name in self._lists:
                ordered.extend(map(processor, value) if processor else value)
            else:
                ordered.append(processor(value) if processor else value)
        return sql, tuple(ordered)

    def cells(self, found: Any) -> Iterable[Cells]:
        """Return the driver's rows with Python values."""
        if not (found and self._from_database):
            return cast(Iterable[Cells], found)
        columns: list[Any] = list(zip(*found, strict=True))
        for place, processor in self._from_database:
            columns[place] = map(processor, columns[place])
        return zip(*columns, strict=True)


def _bind_processor(type_: Any, dialect: Dialect) -> Processor | None:
    processor: Processor | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return processor


_prepared: dict[tuple[Statement, str], _PreparedStatement] = {}


async def fetch_cells(
    connection: ReadConnection, *queries: tuple[Statement, Mapping[str, object]]
) -> list[Iterable[Cells]]:
    """Return all rows of each of these statements, with their cells in the order of its columns.

    Where the driver has a thread of its own, they make one trip there. A failure, cancellation included, closes the
    connection: what the driver has left unread would be the answer to the next statement.

    Raises what the driver raises.
    """
    prepared = [_prepare(statement, connection.dialect) for statement, _ in queries]
    bound = [each.bind(values) for each, (_, values) in zip(prepared, queries, strict=True)]
    started = time.perf_counter()
    try:
        found = await _run_again_if_lost(connection, bound)
        cells = [each.cells(some) for each, some in zip(prepared, found, strict=True)]
    except BaseException:
        await connection.invalidate()
        raise
    if slow_log.on:
        for statement, _ in queries:
            slow_log.note(statement, started)
    return cells


def _prepare(statement: Statement, dialect: Dialect) -> _PreparedStatement:
    key = (statement, dialect.name)
    prepared = _prepared.get(key)
    if prepared is None:
        prepared = _prepared[key] = _PreparedStatement(statement, dialect)
    return prepared


async def _run_again_if_lost(
    connection: ReadConnection, queries: Sequence[tuple[str, tuple[object, ...]]]
) -> list[object]:
    """Run reads that belong to no transaction once more where their connection was closed from outside."""
    try:
        return await _run(connection, queries)
    except Exception as error:
        if not is_lost(error) or (isinstance(connection, AsyncConnection) and connection.in_transaction()):
            raise
    if isinstance(connection, PooledConnection):
        await connection.renew()
    else:
        await _reconnect(connection)
    return await _run(connection, queries)


async def _reconnect(connection: AsyncConnection) -> None:
    """Go on with another connection of the pool, which is proven alive first."""
    await connection.invalidate()
    pool = connection.engine.pool
    assert isinstance(pool, WarmPool)
    pool.doubt()
    await connection.get_raw_connection()


async def _run(connection: ReadConnection, queries: Sequence[tuple[str, tuple[object, ...]]]) -> list[object]:
    driver = connection.driver if isinstance(connection, PooledConnection) else _driver(connection)
    if isinstance(driver, aiosqlite.Connection):
        # The public `execute_fetchall` makes a trip to the driver's thread for each statement.
        there: Any = driver._execute
        return list(await there(_run_all, driver._conn, queries))
    cells = []
    async with driver.cursor() as cursor:
        for sql, values in queries:
            await cursor.execute(sql, values)
            cells.append(await cursor.fetchall())
    return cells


def _run_all(connection: sqlite3.Connection, queries: Sequence[tuple[str, tuple[object, ...]]]) -> list[object]:
    return [connection.execute(sql, values).fetchall() for sql, values in queries]


def _driver(connection: AsyncConnection) -> Any:
    assert connection.sync_connection is not None
    return connection.sync_connection.connection.driver_connection
