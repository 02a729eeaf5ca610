"""Where MySQL and SQLite need different words for the same thing (decisions.md 23).

- ``insert_new``: insert rows and leave those whose key exists as they are.
- ``lock_rows``: ``FOR UPDATE`` where it exists; SQLite has one writer at a time anyway.
- times: ``types.Millis`` and ``types.now_utc`` (no ``CURRENT_TIMESTAMP(3)`` in SQLite).
- text is never compared by LIKE, which ignores ASCII case and stops at NUL in SQLite.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert


class InsertNew(Insert):
    """``INSERT`` that leaves rows alone whose primary or unique key exists already."""

    inherit_cache = False


@compiles(InsertNew, "mysql", "mariadb")
def _insert_new_mysql(element: InsertNew, compiler: SQLCompiler, **kw: Any) -> str:
    key = compiler.preparer.format_column(next(iter(element.table.primary_key)))
    # Unlike INSERT IGNORE, this lets every other error through.
    return f"{compiler.visit_insert(element, **kw)} ON DUPLICATE KEY UPDATE {key} = {key}"


@compiles(InsertNew, "sqlite")
def _insert_new_sqlite(element: InsertNew, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.visit_insert(element, **kw)} ON CONFLICT DO NOTHING"


def insert_new(table: Table) -> InsertNew:
    """An insert that skips rows whose key exists."""
    return InsertNew(table)


def lock_rows(statement: Select[Any]) -> Select[Any]:
    """The statement with its rows locked until the transaction ends."""
    return statement.with_for_update()
