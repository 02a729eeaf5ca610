"""Merge tags and categories whose names are the same since invisible characters and compatibility forms fold."""

from __future__ import annotations

from alembic import op

from aimo.db.migrations.equal_names import merge_equal_names

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    """Give every tag and category the key of its name, and merge those that have the same one."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        merge_equal_names(connection)
        return
    # SQLite migrates in one transaction anyway; MySQL commits each statement where none was begun.
    connection.exec_driver_sql("START TRANSACTION")
    merge_equal_names(connection)
    connection.exec_driver_sql("COMMIT")
