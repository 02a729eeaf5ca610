"""Registered statements with typed rows: what the functions of `aimo.db.queries` are made of.

A `Query` gives named tuples, a `Scalar` the values of one column, a `Command` changes rows. Each is built once, from a
statement of the register (`aimo.db.statements`), and checks right then that the statement has the columns that its
row type names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import BindParameter, Column, ColumnElement, Executable, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from aimo.db.driver_reads import Cells, PooledConnection, ReadConnection, fetch_cells
from aimo.db.schema import Model
from aimo.db.statements import param, require_registered

Row = TypeVar("Row", bound=tuple[object, ...])
OtherRow = TypeVar("OtherRow", bound=tuple[object, ...])
Value = TypeVar("Value")

Values = Mapping[str, object]
# Of any number of columns: `Select[Any]` has one.
AnySelect = Select[*tuple[object, ...]]


def table_of(model: type[Model]) -> Table:
    """Return the table that a model of the schema describes."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def columns_for(row: type[Row], model: type[Model]) -> list[Column[Any]]:
    """Return the columns of a table that a row type names, in the order of its fields.

    Raises:
        TypeError: the row type names a column that the table does not have.
    """
    columns = table_of(model).columns
    if unknown := [name for name in _fields(row) if name not in columns]:
        raise TypeError(f"{row.__name__} names columns that {model.__name__} does not have: {', '.join(unknown)}")
    return [columns[name] for name in _fields(row)]


def values_for(row: type[Row], model: type[Model]) -> dict[str, BindParameter[str]]:
    """Return the bound values of an INSERT or UPDATE that sets the columns that a row type names.

    Raises:
        TypeError: the row type names a column that the table does not have.
    """
    return {column.key: param(column.key) for column in columns_for(row, model)}


def following(key: InstrumentedAttribute[str], *columns: ColumnElement[Any] | InstrumentedAttribute[Any]) -> AnySelect:
    """Return the next ``limit`` rows of a walk through a whole table by its key, behind the key ``after``."""
    return select(*columns).where(key > param("after")).order_by(key).limit(param("limit"))


class _Read:
    """Runs a SELECT. One that locks rows goes through SQLAlchemy, since losing a lock must not cost the connection."""

    def __init__(self, statement: AnySelect) -> None:
        require_registered(statement)
        self.statement = statement
        self._locks = statement._for_update_arg is not None

    async def _rows(self, connection: ReadConnection, values: Values) -> Sequence[Cells]:
        if self._locks and not isinstance(connection, PooledConnection):
            return [tuple(row) for row in await connection.execute(self.statement, values)]
        (rows,) = await fetch_cells(connection, (self.statement, values))
        return list(rows)


class Query(_Read, Generic[Row]):
    """A SELECT whose rows are named tuples of one type."""

    def __init__(self, statement: AnySelect, row: type[Row]) -> None:
        """Pair a statement with its row type.

        Raises:
            TypeError: the statement's columns are not the fields of the row type, in their order.
        """
        super().__init__(statement)
        selected = tuple(column.key for column in statement.selected_columns)
        if selected != _fields(row):
            raise TypeError(f"the statement selects {selected}, but {row.__name__} has {_fields(row)}")
        self.row = row

    def rows(self, cells: Iterable[Cells]) -> list[Row]:
        """Return the rows that have these cells."""
        return list(map(self.row._make, cells))  # type: ignore[attr-defined]

    async def all(self, connection: ReadConnection, **values: object) -> list[Row]:
        """Return every row."""
        return self.rows(await self._rows(connection, values))

    async def first(self, connection: ReadConnection, **values: object) -> Row | None:
        """Return the first row, or None."""
        return next(iter(await self.all(connection, **values)), None)


class Scalar(_Read, Generic[Value]):
    """A SELECT of one column, whose values are of one type: ``Scalar[int](statement)``."""

    async def all(self, connection: ReadConnection, **values: object) -> list[Value]:
        """Return the value of every row."""
        return [value for (value,) in await self._rows(connection, values)]

    async def first(self, connection: ReadConnection, **values: object) -> Value | None:
        """Return the value of the first row, or None."""
        return next(iter(await self.all(connection, **values)), None)

    async def one(self, connection: ReadConnection, **values: object) -> Value:
        """Return the value of the only row, as of a count."""
        (value,) = await self.all(connection, **values)
        return value


class Command:
    """An INSERT, UPDATE or DELETE."""

    def __init__(self, statement: Executable) -> None:
        require_registered(statement)
        self._statement = statement

    async def run(self, connection: AsyncConnection, **values: object) -> int:
        """Run it, and return the number of rows found (UPDATE), removed (DELETE) or added (INSERT)."""
        return (await connection.execute(self._statement, values)).rowcount

    async def insert(self, connection: AsyncConnection, **values: object) -> int:
        """Run an INSERT of one row, and return the number that the database gave it."""
        key = (await connection.execute(self._statement, values)).inserted_primary_key
        assert key is not None
        number: int = key[0]
        return number

    async def run_many(self, connection: AsyncConnection, rows: Sequence[Values]) -> None:
        """Run it for each of these, in one round trip where the driver can; nothing without any."""
        if rows:
            await connection.execute(self._statement, [dict(row) for row in rows])


class Bound(NamedTuple, Generic[Row]):
    """A query with its values, for `read_together`."""

    query: Query[Row]
    values: Values


async def read_together(
    connection: ReadConnection, first: Bound[Row] | None, second: Bound[OtherRow] | None
) -> tuple[list[Row], list[OtherRow]]:
    """Run both queries in one trip where the driver can, as `fetch_cells` does; without a query there are no rows."""
    bound = [(each.query.statement, each.values) for each in (first, second) if each is not None]
    cells = iter(await fetch_cells(connection, *bound) if bound else ())
    return first.query.rows(next(cells)) if first else [], second.query.rows(next(cells)) if second else []


def _fields(row: type[Row]) -> tuple[str, ...]:
    fields: tuple[str, ...] = row._fields  # type: ignore[attr-defined]
    return fields
