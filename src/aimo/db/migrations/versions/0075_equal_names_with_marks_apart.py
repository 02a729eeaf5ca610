"""Merge tags and categories whose names are the same since marks apart from their letters fold."""

from __future__ import annotations

from alembic import op

from aimo.db.migrations.equal_names import merge_equal_names

revision = "0075"
down_revision = "0074"


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
