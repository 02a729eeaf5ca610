"""Values in shapes that no migrator expects: each row arrives or is kept whole, and nothing of another is lost."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest

from aimo.errors import ConfigurationError
from aimo.legacy.report import MigrationReport
from aimo.legacy.row_outcomes import QuarantineReason

from .source_builder import DIMENSION, MOMENT, TEXT, TS, ident, plain_rows, write
from .support import MakeSettings, assert_accounted, lance, move, reasons

Rows = dict[str, list[dict[str, Any]]]
T = {"createdAt": MOMENT, "updatedAt": MOMENT}


@pytest.fixture
def rows() -> Rows:
    return plain_rows(random.Random(5), 6)


async def moved_twice(installed: MakeSettings, folder: Path, rows: Rows, **target: Any) -> MigrationReport:
    """Rehearsed, moved and moved again: the rehearsal says the same, and the second time there is nothing to do."""
    rehearsed = await move(installed(**target), folder / "old", dry_run=True)
    report = await move(installed(**target), folder / "old")
    assert report.state == "validated", report.content["verification"]["mismatches"][:5]
    assert_accounted(report, rows)
    assert (rehearsed.exit_code, rehearsed.content["tables"]) == (report.exit_code, report.content["tables"])
    again = await move(installed(**target), folder / "old")
    assert again.content["nothing_to_do"], again.content["problems"]
    return report


def rows_of(folder: Path, statement: str) -> list[Any]:
    with sqlite3.connect(folder / "data" / "aimo.db") as connection:
        return connection.execute(statement).fetchall()


async def test_a_quarantined_row_reserves_nothing(installed: MakeSettings, rows: Rows, tmp_path: Path) -> None:
    first = dict(rows["users"][0])
    rows["users"] += [
        first | {"email": "shared@example.test", "nickname": "another row of this id", "createdAt": MOMENT - 10_000},
        first | {"uid": "holder", "email": "shared@example.test"},
    ]
    day = {"uid": first["uid"], "memoIds": ["m"], "createdAt": MOMENT}
    rows["daily_recommendations"] += [
        day | {"recommendationId": "day-1", "date": "2026-07-01"},
        day | {"recommendationId": "day-1", "date": "2026-07-02", "createdAt": MOMENT + 9},
        day | {"recommendationId": "day-2", "date": "2026-07-02"},
    ]
    write(tmp_path / "old", rows)
    report = await moved_twice(installed, tmp_path, rows)
    assert reasons(report) == {
        first["uid"]: QuarantineReason.DUPLICATE_DIFFERS,
        "day-1": QuarantineReason.DUPLICATE_DIFFERS,
    }
    assert rows_of(tmp_path, "SELECT email FROM users WHERE uid = 'holder'") == [("shared@example.test",)]
    assert rows_of(tmp_path, "SELECT date FROM daily_recommendations WHERE recommendation_id = 'day-2'") == [
        ("2026-07-02",)
    ]


async def test_a_merged_tag_leaves_the_tag_of_another_user_with_its_id(
    installed: MakeSettings, rows: Rows, tmp_path: Path
) -> None:
    u0, u1 = ident("u", 0), ident("u", 1)
    rows["tags"] += [
        {"tagId": "kept", "uid": u0, "name": "Red", "usageCount": 0} | T,
        {"tagId": "twice", "uid": u0, "name": "red", "usageCount": 0} | T,
        {"tagId": "twice", "uid": u1, "name": "blue", "usageCount": 0} | T,
    ]
    memo = {"content": "x", "embedding": [1.0] * DIMENSION, "isPublic": False, "tagIds": ["twice"]} | T
    rows["memos"] += [memo | {"memoId": "mine", "uid": u0}, memo | {"memoId": "theirs", "uid": u1}]
    write(tmp_path / "old", rows)
    await moved_twice(installed, tmp_path, rows)
    carried = {
        memo_id: json.loads(ids)
        for memo_id, ids in rows_of(tmp_path, "SELECT memo_id, tag_ids FROM memos WHERE content = 'x'")
    }
    assert carried == {"mine": ["kept"], "theirs": ["twice"]}


async def test_names_that_begin_with_a_bracket_are_names(installed: MakeSettings, rows: Rows, tmp_path: Path) -> None:
    memo = {"uid": ident("u", 0), "content": "x", "embedding": [1.0] * DIMENSION, "isPublic": False} | T
    texts = {"a": "[draft], idea", "b": '["unclosed', "c": '["one", "two"]', "d": "[x]", "e": '[{"name": 1}]'}
    rows["memos"] += [memo | {"memoId": memo_id, "tags": text} for memo_id, text in texts.items()]
    write(tmp_path / "old", rows, types={("memos", "tags"): TEXT})
    report = await moved_twice(installed, tmp_path, rows)
    assert report.content["quarantine"] == []
    names = "SELECT memo_id, name FROM memo_tags JOIN tags USING (tag_id) WHERE memo_id < 'f' ORDER BY 1, 2"
    assert rows_of(tmp_path, names) == [
        ("a", "[draft]"),
        ("a", "idea"),
        ("b", '["unclosed'),
        ("c", "one"),
        ("c", "two"),
        ("d", "[x]"),
        ("e", '[{"name": 1}]'),
    ]


async def test_unusual_json_neither_stops_the_run_nor_is_a_mismatch(
    installed: MakeSettings, migrated_database: dict[str, str], rows: Rows, tmp_path: Path
) -> None:
    number = '{"a": 123456789012345678901234567890}'
    for place, text in enumerate((number, "[" * 900 + "]" * 900)):
        rows["attachments"][place]["properties"] = text
    rows["push_rules"][0]["channels"] = f"[{number}]"
    write(tmp_path / "old", rows)
    report = await moved_twice(installed, tmp_path, rows, **migrated_database)
    assert report.content["quarantine"] == []


async def test_times_out_of_range_are_kept_as_numbers(installed: MakeSettings, rows: Rows, tmp_path: Path) -> None:
    far = 9_000_000_000_000
    rows["users"].append(dict(rows["users"][0]) | {"uid": "far", "email": None, "createdAt": far * 1000})
    rows["tags"].append({"tagId": "odd", "uid": "nobody", "name": "x", "usageCount": 0} | T)
    write(tmp_path / "old", rows, types={("users", "createdAt"): pa.timestamp("s")})
    database = lancedb.connect(tmp_path / "old")
    table = database.open_table("tags")
    table.update(
        where="tagId = 'odd'", values_sql={"createdAt": f"arrow_cast({far * 1000}, 'Timestamp(Millisecond, None)')"}
    )
    report = await moved_twice(installed, tmp_path, rows)
    kept = {row["key"]: row for row in report.content["quarantine"]}
    assert kept["far"]["reason"] == QuarantineReason.TIME_OUT_OF_RANGE
    assert kept["far"]["row"]["createdAt"] == {"timestamp": far, "unit": "s"}
    assert kept["odd"]["reason"] == QuarantineReason.OWNER_MISSING
    assert kept["odd"]["row"]["createdAt"] == {"timestamp": far * 1000, "unit": "ms"}


async def test_columns_that_nobody_knows_are_kept_with_a_row_that_is_kept_aside(
    installed: MakeSettings, rows: Rows, tmp_path: Path
) -> None:
    boxes = pa.list_(pa.list_(pa.int32(), 2))
    memo = {"uid": "nobody", "content": "x", "embedding": [1.0] * DIMENSION} | T
    rows["memos"].append(memo | {"memoId": "orphan", "boxes": [[1, 2], [3, 4]]})
    write(tmp_path / "old", rows, types={("memos", "boxes"): boxes})
    report = await moved_twice(installed, tmp_path, rows)
    [kept] = report.content["quarantine"]
    assert kept["row"]["boxes"] == [[1, 2], [3, 4]]


async def test_a_cache_without_a_part_of_its_keys_is_left_out(
    installed: MakeSettings, rows: Rows, tmp_path: Path
) -> None:
    write(tmp_path / "old", rows)
    schema = pa.schema(
        [
            ("modelHash", TEXT),
            ("contentHash", TEXT),
            ("embedding", pa.list_(pa.float32(), DIMENSION)),
            ("createdAt", TS),
        ]
    )
    entry = {"modelHash": "m", "contentHash": "c", "embedding": [1.0] * DIMENSION, "createdAt": None}
    database = lancedb.connect(tmp_path / "old")
    database.drop_table("multimodal_embedding_cache")
    database.create_table("multimodal_embedding_cache", [entry], schema=schema)
    report = await moved_twice(installed, tmp_path, rows)
    assert lance(report, "multimodal_embedding_cache")["left_out"] == 1


async def test_a_folder_of_another_program_is_refused(installed: MakeSettings, tmp_path: Path) -> None:
    lancedb.connect(tmp_path / "old").create_table("documents", [{"id": 1}])
    with pytest.raises(ConfigurationError, match=r"none of the old server's tables, but documents"):
        await move(installed(), tmp_path / "old")
    assert not (tmp_path / "data").exists()
