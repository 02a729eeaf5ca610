"""An incomplete copy, or one that holds more than there is a place for, is named before anything is written."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import lancedb
import pyarrow as pa
import pytest

from aimo.cli.migration_output import print_report
from aimo.legacy.plan.completeness import MissingTables, count_dead_ids, find_missing_tables
from aimo.legacy.plan.options import UsageError
from aimo.vectors.legacy_source import LegacySource

from .source_builder import TABLES, plain_rows, write
from .support import SCHEMA, MakeSettings, move

ROWS = 20
# What becomes of a source without one of its tables: refused, or migrated with a warning.
DAMAGING = ("users", "memos", "categories", "tags", "ai_conversations")
HARMLESS = ("attachments", "memo_relations", "ai_messages", "daily_recommendations", "push_rules", "embedding_cache")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complete") / "old"
    rows = plain_rows(random.Random(3), ROWS)
    rows["memos"][0] |= {"categoryId": rows["categories"][0]["categoryId"], "tagIds": [rows["tags"][0]["tagId"]]}
    write(folder, rows, parts=1)
    return folder


async def missing_tables(folder: Path, without: tuple[str, ...]) -> MissingTables:
    """What is said of a source without these tables."""
    source = await LegacySource.open(str(folder))
    try:
        for name in without:
            source.tables.pop(name).close()
        return await find_missing_tables(source)
    finally:
        source.close()


async def test_a_complete_source_is_complete(complete: Path) -> None:
    assert await missing_tables(complete, ()) == MissingTables()


@pytest.mark.parametrize("name", DAMAGING + HARMLESS)
async def test_a_missing_table_is_named(name: str, complete: Path) -> None:
    found = await missing_tables(complete, (name,))
    lines = found.damaging if name in DAMAGING else found.harmless
    assert len(found.damaging + found.harmless) == 1
    assert f"table {name} is missing" in lines[0] and "an incomplete copy?" in lines[0]


@pytest.mark.parametrize("name", DAMAGING)
async def test_tables_are_missed_without_the_sources_own_record(name: str, complete: Path) -> None:
    found = await missing_tables(complete, (name, "table_migrations"))
    assert [f"table {name} is missing" in line for line in found.damaging] == [True]


async def test_tables_of_later_releases_may_be_missing_in_an_old_source(tmp_path: Path) -> None:
    rows = plain_rows(random.Random(3), ROWS)
    rows["table_migrations"] = []
    for memo in rows["memos"]:
        memo["attachments"] = ["a", "图"]
    write(tmp_path / "old", rows | {"attachments": []}, version=1, parts=1)
    assert await missing_tables(tmp_path / "old", ()) == MissingTables()


@pytest.mark.parametrize("name", [*DAMAGING, "attachments"])
async def test_an_empty_table_to_whose_rows_others_refer_is_named(name: str, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(3), ROWS)
    rows["memos"][0] |= {"categoryId": "c-gone", "tagIds": ["t-gone"]}
    write(tmp_path / "old", rows | {name: []}, parts=1)
    found = await missing_tables(tmp_path / "old", ())
    lines, others = found.damaging, found.harmless
    if name == "attachments":
        lines, others = others, lines
    assert ([f"table {name} is empty" in line for line in lines], others) == ([True], [])


async def test_ids_of_rows_that_are_not_there_are_counted(tmp_path: Path) -> None:
    rows = plain_rows(random.Random(3), ROWS)
    write(tmp_path / "old", rows | {"memos": rows["memos"][:10], "attachments": rows["attachments"][:8]}, parts=1)
    source = await LegacySource.open(str(tmp_path / "old"))
    found = {one.column: one for one in await count_dead_ids(source, source.tables)}
    source.close()
    assert {column: (one.dead, one.ids, one.suspicious) for column, one in found.items()} == {
        "memos.attachments": (2, 10, False),
        "memo_relations.sourceMemoId": (6, 16, False),
        "memo_relations.targetMemoId": (10, 16, True),
        "daily_recommendations.memoIds": (10, 20, True),
    }
    line = "10 of 20 ids in daily_recommendations.memoIds lead to no row of memos"
    assert str(found["daily_recommendations.memoIds"]) == line


async def test_an_incomplete_source_is_refused_unless_tables_are_named(
    installed: MakeSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "old", plain_rows(random.Random(3), 4), parts=1)
    lancedb.connect(tmp_path / "old").drop_table("memos")
    target = installed()
    rehearsed = await move(target, tmp_path / "old", dry_run=True)
    report = await move(target, tmp_path / "old")
    for one in (rehearsed, report):
        assert one.exit_code == one.content["exit_code"] == 1
        assert "core table memos is missing" in one.content["problems"][0]
        jsonschema.validate(one.content, SCHEMA)
    print_report(report)
    assert "problem: The core table memos is missing from the source: an incomplete copy?" in capsys.readouterr().out
    assert (await move(target, tmp_path / "old", verify_only=True)).state == "pending", "nothing was written"

    with pytest.raises(UsageError, match="no such table"):
        await move(target, tmp_path / "old", tables=("users", "memos"))
    assert (await move(target, tmp_path / "old", tables=("users", "tags"))).exit_code == 0
    partial = await move(target, tmp_path / "old", verify_only=True, purge_source=True)
    assert (partial.state, partial.exit_code, "purged" in partial.content) == ("validated", 3, False)


async def test_what_has_no_place_is_named_and_keeps_the_source(
    installed: MakeSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: dict[str, list[dict[str, Any]]] = plain_rows(random.Random(3), 8)
    for memo in rows["memos"][5:]:
        memo["mood"] = "happy"
    for user in rows["users"]:
        user["score"] = 0
    types = {("memos", "mood"): pa.string(), ("users", "score"): pa.int32(), ("tags", "unused"): pa.string()}
    write(tmp_path / "old", rows, types=types, parts=1)
    expected = {"users.score": 8, "memos.mood": 3}
    target = installed()
    assert (await move(target, tmp_path / "old", dry_run=True)).content["columns_not_migrated"] == expected
    report = await move(target, tmp_path / "old", purge_source=True)
    assert report.content["columns_not_migrated"] == expected
    assert (report.state, report.exit_code, "purged" in report.content) == ("validated", 3, False)
    jsonschema.validate(report.content, SCHEMA)
    print_report(report)
    assert "columns without a place here: users.score (8 values), memos.mood (3 values)" in capsys.readouterr().out

    source = lancedb.connect(tmp_path / "old")
    for name, column in (("users", "score"), ("memos", "mood")):
        source.open_table(name).drop_columns([column])
    source.create_table("reviews", pa.table({"id": pa.array(["r1"])}))
    report = await move(target, tmp_path / "old", purge_source=True)
    assert (report.exit_code, report.content["not_migrated"]) == (3, {"reviews": 1})
    assert {path.stem for path in (tmp_path / "old").iterdir()} == {*TABLES, "reviews"}


@pytest.mark.parametrize(("table", "column"), [("memos", "content"), ("memos", "uid"), ("users", "password")])
async def test_a_core_table_without_a_column_that_it_lives_by_is_named(
    tmp_path: Path, complete: Path, table: str, column: str
) -> None:
    shutil.copytree(complete, tmp_path / "cut")
    connection = await lancedb.connect_async(tmp_path / "cut")
    await (await connection.open_table(table)).drop_columns([column])
    found = await missing_tables(tmp_path / "cut", ())
    assert [line for line in found.damaging if line.startswith(f"The core table {table} lacks {table}.{column}:")]
