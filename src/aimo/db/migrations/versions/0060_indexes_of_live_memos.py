"""Lead the indexes of memos to live ones, or to those in the trash."""

from __future__ import annotations

from alembic import op

from aimo.db.migrations import steps

revision = "0060"
down_revision = "0059"

# What comes before and after the new column; what SQLite's planner is told of the new index.
_INDEXES = [
    (["uid"], ["created_at", "seq"], "100000 10000 9000 2 1"),
    (["uid"], ["updated_at", "seq"], "100000 10000 9000 2 1"),
    (["uid", "is_public"], ["created_at", "seq"], "100000 10000 5000 4500 2 1"),
    (["uid", "is_public"], ["updated_at", "seq"], "100000 10000 5000 4500 2 1"),
    (["category_id", "uid"], ["created_at", "seq"], "100000 2000 2000 1800 2 1"),
    (["category_id", "uid"], ["updated_at", "seq"], "100000 2000 2000 1800 2 1"),
]


def upgrade() -> None:
    """Replace each index by one that knows whether a memo is live."""
    replacements = {}
    statistics = []
    for before, after, rows in _INDEXES:
        columns = [*before, "deleted_at", *after]
        name = "_".join(["ix_memos", *columns])
        replacements["_".join(["ix_memos", *before, *after])] = (name, columns)
        statistics.append(("memos", name, rows))
    steps.replace_indexes("memos", replacements)
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for row in statistics:
            connection.exec_driver_sql("DELETE FROM sqlite_stat1 WHERE idx = ?", (row[1],))
            connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", row)
        connection.exec_driver_sql("ANALYZE sqlite_schema")
