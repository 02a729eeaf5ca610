"""SQLite finds rows by their ids, not by walking through everything that a user has."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects.sqlite.aiosqlite import dialect
from tests.support.statements import registered

from aimo.db.driver_reads import _PreparedStatement
from aimo.db.queries import memos
from aimo.db.queries.memos import FilterShape, SortOrder

MANY = [f"m{place}" for place in range(20)]


def plan(database: Path, statement: Any) -> list[str]:
    values = {"owner": "u", "id": "m", "memo_ids": MANY, "ids": MANY, "limit": 20, "offset": 0}
    sql, ordered = _PreparedStatement(statement, dialect()).bind(values)
    with sqlite3.connect(database) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", ordered)]


@pytest.mark.parametrize(
    ("statement", "way"),
    [
        (registered()["memos.one"].statement, "memos USING INDEX sqlite_autoindex_memos_1 (memo_id=?)"),
        (registered()["memos.by_ids"].statement, "memos USING INDEX sqlite_autoindex_memos_1 (memo_id=?)"),
        (
            registered()["relations.targets"].statement,
            "memo_relations USING INDEX sqlite_autoindex_memo_relations_2 (source_memo_id=?)",
        ),
        (
            registered()["attachments.by_ids"].statement,
            "attachments USING INDEX sqlite_autoindex_attachments_1 (attachment_id=?)",
        ),
        (
            memos.page_query(FilterShape(), SortOrder()).statement,
            "memos USING INDEX ix_memos_uid_deleted_at_created_at_seq (uid=? AND deleted_at=?)",
        ),
        (memos.count_query(FilterShape()).statement, "memos USING COVERING INDEX ix_memos_uid_"),
    ],
)
def test_sqlite_finds_rows_by_the_narrowest_index(sqlite_template: Path, statement: Any, way: str) -> None:
    assert any(way in step for step in plan(sqlite_template, statement)), plan(sqlite_template, statement)
