"""What SQLite's planner knows of the selectivity of indexes; it gathers no statistics by itself."""

from __future__ import annotations

from alembic import op

# Index: rows of the table, then rows for one value of its first column, of its first two, and so on.
_STATISTICS = {
    "memos": {
        "sqlite_autoindex_memos_1": "100000 1",
        "ix_memos_uid_created_at_seq": "100000 10000 2 1",
        "ix_memos_uid_updated_at_seq": "100000 10000 2 1",
        "ix_memos_uid_is_public_created_at_seq": "100000 10000 5000 2 1",
        "ix_memos_uid_is_public_updated_at_seq": "100000 10000 5000 2 1",
        "ix_memos_category_id_uid_created_at_seq": "100000 2000 2000 2 1",
        "ix_memos_category_id_uid_updated_at_seq": "100000 2000 2000 2 1",
    },
    "memo_tags": {
        "sqlite_autoindex_memo_tags_1": "150000 2 1",
        "ix_memo_tags_tag_id_memo_id": "150000 500 1",
        "ix_memo_tags_uid_tag_id": "150000 15000 500",
    },
    "memo_relations": {
        "sqlite_autoindex_memo_relations_1": "20000 1",
        "sqlite_autoindex_memo_relations_2": "20000 2 1",
        "ix_memo_relations_target_memo_id_seq": "20000 2 1",
        "ix_memo_relations_uid": "20000 2000",
    },
    "attachments": {
        "sqlite_autoindex_attachments_1": "10000 1",
        "ix_attachments_uid_created_at_seq": "10000 1000 2 1",
    },
}


def write() -> None:
    """Write the statistics, where the database is SQLite."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    # Makes the table of statistics, which no other statement can.
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    insert = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)"
    for table, indexes in _STATISTICS.items():
        for index, rows in indexes.items():
            connection.exec_driver_sql(insert, (table, index, rows))
    connection.exec_driver_sql("ANALYZE sqlite_schema")
