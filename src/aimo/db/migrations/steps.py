"""Guarded steps for revisions: each does nothing where its work is done already.

MySQL commits at every DDL statement, so a revision can die between its statement and the note that
it ran. With one guarded statement a revision, running it again always ends in the same schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from aimo.db.schema.base import TABLE_OPTIONS


def _inspector() -> sa.Inspector:
    inspector: sa.Inspector = sa.inspect(op.get_bind())
    return inspector


def create_table(name: str, *items: sa.schema.SchemaItem, **options: Any) -> None:
    """Create a table with its primary, foreign and unique keys, unless it exists."""
    if not _inspector().has_table(name):
        op.create_table(name, *items, **(TABLE_OPTIONS | options))


def create_index(name: str, table: str, columns: list[str], *, unique: bool = False) -> None:
    """Create an index unless one of that name exists on the table."""
    if name not in {index["name"] for index in _inspector().get_indexes(table)}:
        op.create_index(name, table, columns, unique=unique)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column unless the table has one of that name."""
    if column.name not in {existing["name"] for existing in _inspector().get_columns(table)}:
        op.add_column(table, column)


def rename_table(old: str, new: str) -> None:
    """Rename a table unless that has been done."""
    if not _inspector().has_table(new):
        op.rename_table(old, new)


def rename_column(table: str, old: str, new: str) -> None:
    """Rename a column unless that has been done; the same words on SQLite, MySQL and MariaDB."""
    if old in {existing["name"] for existing in _inspector().get_columns(table)}:
        quote = op.get_bind().dialect.identifier_preparer.quote
        op.execute(f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(old)} TO {quote(new)}")


def replace_indexes(table: str, replacements: Mapping[str, tuple[str, list[str]]]) -> None:
    """Create a new index (name, columns) in the place of each old one, in one statement where the database can."""
    there = {index["name"] for index in _inspector().get_indexes(table)}
    if op.get_bind().dialect.name == "sqlite":
        for old, (new, columns) in replacements.items():
            create_index(new, table, columns)
            drop_index(old, table)
        return
    quote = op.get_bind().dialect.identifier_preparer.quote
    added = [
        f"ADD INDEX {quote(new)} ({', '.join(map(quote, columns))})"
        for new, columns in replacements.values()
        if new not in there
    ]
    dropped = [f"DROP INDEX {quote(old)}" for old in replacements if old in there]
    if added or dropped:
        op.execute(f"ALTER TABLE {quote(table)} {', '.join([*added, *dropped])}")


def drop_index(name: str, table: str) -> None:
    """Drop an index unless there is none of that name on the table."""
    if name in {index["name"] for index in _inspector().get_indexes(table)}:
        op.drop_index(name, table_name=table)
