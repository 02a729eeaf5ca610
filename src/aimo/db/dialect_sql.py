"""Where MySQL and SQLite need different words for the same thing (docs/decisions/05-portable-schema.md).

- ``insert_new``: insert rows and leave those whose key exists as they are.
- ``json_without``: take one text out of a JSON list; ``json_items``: how many it has.
- ``FOR UPDATE`` is left out for SQLite by SQLAlchemy; it has one writer at a time anyway.
- times: ``types.Millis`` and ``types.now_utc`` (no ``CURRENT_TIMESTAMP(3)`` in SQLite).
- text is never compared by LIKE, which ignores ASCII case and stops at NUL in SQLite.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Integer, String, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.functions import FunctionElement

from aimo.db.types import Json


class InsertNew(Insert):
    """``INSERT`` that leaves rows alone whose primary or unique key exists already."""

    inherit_cache = False


def _insert(element: InsertNew, compiler: SQLCompiler, **kw: object) -> str:
    return cast(str, compiler.visit_insert(element, **kw))  # type: ignore[no-untyped-call]


@compiles(InsertNew, "mysql", "mariadb")
def _insert_new_mysql(element: InsertNew, compiler: SQLCompiler, **kw: object) -> str:
    key = compiler.preparer.format_column(next(iter(element.table.primary_key)))
    # Unlike INSERT IGNORE, this lets every other error through.
    return f"{_insert(element, compiler, **kw)} ON DUPLICATE KEY UPDATE {key} = {key}"


@compiles(InsertNew, "sqlite")
def _insert_new_sqlite(element: InsertNew, compiler: SQLCompiler, **kw: object) -> str:
    return f"{_insert(element, compiler, **kw)} ON CONFLICT DO NOTHING"


def insert_new(table: Table) -> InsertNew:
    """Return an insert that skips rows whose key exists."""
    return InsertNew(table)


class json_without(FunctionElement[Any]):
    """A JSON list of distinct texts without the one equal to a bound text; NULL stays NULL."""

    name = "json_without"
    type = Json
    inherit_cache = True


@compiles(json_without, "mysql", "mariadb")
def _json_without_mysql(element: json_without, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    # JSON_SEARCH reads %, _ and the escape character itself as wildcards unless they are escaped.
    pattern = value
    for character in ("|", "_", "%%"):
        pattern = f"REPLACE({pattern}, '{character}', '|{character}')"
    # Without a match the path is NULL, and so would be what remains.
    return f"COALESCE(JSON_REMOVE({column}, JSON_UNQUOTE(JSON_SEARCH({column}, 'one', {pattern}, '|'))), {column})"


@compiles(json_without, "sqlite")
def _json_without_sqlite(element: json_without, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    kept = f"(SELECT json_group_array(value) FROM json_each({column}) WHERE value <> {value})"  # noqa: S608 (compiled)
    return f"CASE WHEN {column} IS NOT NULL THEN {kept} END"


class json_items(FunctionElement[int]):
    """How many elements a JSON list has; NULL stays NULL."""

    name = "json_items"
    type = Integer()
    inherit_cache = True


@compiles(json_items)
def _json_items(element: json_items, compiler: SQLCompiler, **kw: Any) -> str:
    return f"JSON_LENGTH({compiler.process(element.clauses, **kw)})"


@compiles(json_items, "sqlite")
def _json_items_sqlite(element: json_items, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **kw)})"


class byte_length(FunctionElement[int]):
    """The length of a text in bytes of UTF-8."""

    name = "byte_length"
    type = Integer()
    inherit_cache = True


@compiles(byte_length)
def _byte_length(element: byte_length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"OCTET_LENGTH({compiler.process(element.clauses, **kw)})"


@compiles(byte_length, "sqlite")
def _byte_length_sqlite(element: byte_length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"LENGTH(CAST({compiler.process(element.clauses, **kw)} AS BLOB))"


class shifted_day(FunctionElement[str]):
    """The day of a moment, once so many minutes are added: its day in a zone with that distance from UTC."""

    name = "shifted_day"
    type = String()
    inherit_cache = True


@compiles(shifted_day)
def _shifted_day(element: shifted_day, compiler: SQLCompiler, **kw: Any) -> str:
    moment, minutes = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(DATE({moment} + INTERVAL {minutes} MINUTE) AS CHAR)"


@compiles(shifted_day, "sqlite")
def _shifted_day_sqlite(element: shifted_day, compiler: SQLCompiler, **kw: Any) -> str:
    moment, minutes = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"DATE({moment}, {minutes} || ' minutes')"
