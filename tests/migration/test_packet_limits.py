"""Rows that are larger than one statement of the database wait for a larger limit; all others arrive."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from tests.support.mariadb import MariaDB

from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.legacy.row_outcomes import QuarantineReason

from .source_builder import LIST, ident, plain_rows, write
from .support import SCHEMA, MakeSettings, assert_accounted, move, reasons, table

ROWS = 20


@pytest.fixture
def limit(mariadb: MariaDB) -> Iterator[None]:
    """The smallest limit that the command works with."""
    [(before,)] = mariadb.execute("SELECT @@global.max_allowed_packet")
    mariadb.execute("SET GLOBAL max_allowed_packet = 262144")
    yield
    mariadb.execute("SET GLOBAL max_allowed_packet = %s", before)


@pytest.fixture
def target(mysql_database: dict[str, str], installed: MakeSettings, limit: None) -> Settings:
    return installed(**{name.lower(): value for name, value in mysql_database.items()})


async def test_all_rows_but_the_largest_arrive_and_those_follow(
    target: Settings, mariadb: MariaDB, tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(5), ROWS)
    rows["memos"][0]["content"] = "长" * 100_000
    rows["memos"][1]["content"] = "'" * 150_000
    rows["memos"][2]["content"] = "a" * 250_000
    rows["memos"][3] |= {"uid": "nobody", "content": "x" * 300_000}
    # What was changed on the way is kept with its old value, beside the row.
    rows["push_rules"][0]["channels"] = "not json " * 30_000
    rows["users"][19] |= {"uid": "impossible " + "x" * 400_000}
    for number, tag in enumerate(rows["tags"]):
        tag["usageCount"] = number + 100
    write(tmp_path / "old", rows, parts=1)
    rehearsed = await move(target, tmp_path / "old", dry_run=True, batch=100_000, model="m")
    report = await move(target, tmp_path / "old", batch=100_000, model="m")
    assert_accounted(report, rows)
    assert (report.state, report.exit_code, rehearsed.exit_code) == ("validated", 3, 3)
    assert rehearsed.content["tables"] == report.content["tables"]
    jsonschema.validate(report.content, SCHEMA)
    larger = {key for key, reason in reasons(report).items() if reason == QuarantineReason.LARGER_THAN_PACKET}
    assert larger == {ident("m", 0), ident("m", 1)}
    assert table(report, "memos")["quarantined"] == 3
    one = next(row for row in report.content["quarantine"] if row["key"] == ident("m", 0))
    assert "max_allowed_packet of the database is 262,144" in one["message"]
    assert one["row"]["content"] == {"left_out_bytes": 300_002} and one["row"]["uid"] == ident("u", 0)

    assert (await move(target, tmp_path / "old", model="m")).content["nothing_to_do"]
    mariadb.execute("SET GLOBAL max_allowed_packet = 16777216")
    report = await move(target, tmp_path / "old", model="m")
    assert table(report, "memos")["quarantined"] == 1
    assert (table(report, "memos")["present"], table(report, "memos")["migrated"]) == (ROWS - 3, 2)


async def test_many_changes_in_one_batch_are_kept_in_statements_that_fit(target: Settings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(5), ROWS)
    for number, memo in enumerate(rows["memos"]):
        memo["tags"] = [f"tag {number} {'x' * 100} {i}" for i in range(60)]
        memo["content"] = "y" * 30_000
    write(tmp_path / "old", rows, types={("memos", "tags"): LIST}, parts=1)
    report = await move(target, tmp_path / "old", batch=100_000, model="m")
    assert_accounted(report, rows)
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert table(report, "memos")["changes"] == {"tag_ids: tags_from_names": ROWS}


async def test_a_row_that_even_the_quarantine_refuses_costs_its_values_and_no_other_row(
    installed: MakeSettings, tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(5), 8)
    rows["memos"][3] |= {"uid": "nobody", "content": "x" * 300_000}
    write(tmp_path / "old", rows, parts=1)
    target = installed()
    await move(target, tmp_path / "old", tables=("users",))
    with sqlite3.connect(target.sqlite_path) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON migration_quarantine WHEN length(new.content) > 100000 "
            "BEGIN SELECT RAISE(ABORT, 'too large for the log'); END"
        )
    report = await move(target, tmp_path / "old", model="m")
    assert_accounted(report, rows)
    assert (report.state, report.exit_code) == ("validated", 3)
    (one,) = [row for row in report.content["quarantine"] if row["table"] == "memos"]
    assert one["row"]["content"] == {"left_out_bytes": 300_002} and one["row"]["uid"] == "nobody"


async def test_a_limit_that_is_too_small_is_refused_before_anything_is_written(
    target: Settings, mariadb: MariaDB, tmp_path: Path
) -> None:
    write(tmp_path / "old", plain_rows(random.Random(5), 4), parts=1)
    mariadb.execute("SET GLOBAL max_allowed_packet = 65536")
    for dry_run in (True, False):
        with pytest.raises(ConfigurationError, match=r"max_allowed_packet of the database is 65,536 bytes.*64M"):
            await move(target, tmp_path / "old", dry_run=dry_run)
