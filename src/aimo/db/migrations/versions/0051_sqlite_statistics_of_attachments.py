"""Tell SQLite's planner how selective the index on the sizes of attachments is."""

from __future__ import annotations

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    """Write the statistics, where the database is SQLite."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    name = "ix_attachments_uid_size"
    connection.exec_driver_sql("DELETE FROM sqlite_stat1 WHERE idx = ?", (name,))
    connection.exec_driver_sql(
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", ("attachments", name, "10000 1000 2")
    )
    connection.exec_driver_sql("ANALYZE sqlite_schema")
