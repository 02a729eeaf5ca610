"""A run that ends as validated has nothing to hide: what is missing, lost, changed or too large is told."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import jsonschema
import lancedb
import pytest
from tests.support.mariadb import MariaDB

from aimo.cli.migration_output import print_report
from aimo.errors import ConfigurationError
from aimo.legacy.migration import Migration
from aimo.vectors.store import VectorStore

from .source_builder import ident, plain_rows, write
from .support import SCHEMA, MakeSettings, move, reasons, table

ROWS = 20


def source(folder: Path, **changes: Any) -> dict[str, list[dict[str, Any]]]:
    rows = plain_rows(random.Random(3), ROWS)
    for name, change in changes.items():
        change(rows[name])
    write(folder, rows, parts=1)
    return rows


async def test_files_that_are_not_there_are_told_before_the_run_and_after(
    installed: MakeSettings, tmp_path: Path
) -> None:
    def make_local(attachments: list[dict[str, Any]]) -> None:
        for number, row in enumerate(attachments):
            row |= {"storageType": "local", "path": f"{row['uid']}/{number}.txt"}

    rows = source(tmp_path / "old", attachments=make_local)
    target = installed()
    kept = target.attachments_dir / rows["attachments"][0]["path"]
    kept.parent.mkdir(parents=True)
    kept.write_text("kept")
    for options in ({"dry_run": True}, {}):
        report = await move(target, tmp_path / "old", **options)
        assert report.exit_code == 3
        assert report.content["files"]["present"] == 1
        assert len(report.content["files"]["missing"]) == ROWS - 1
        assert any("19 of 20 files are not there" in line for line in report.content["warnings"])
    purged = await move(target, tmp_path / "old", purge_source=True)
    assert "purged" not in purged.content


async def test_accounts_that_lose_their_email_are_named(installed: MakeSettings, tmp_path: Path) -> None:
    def share(users: list[dict[str, Any]]) -> None:
        for user in users:
            user["email"] = "same@example.test"

    source(tmp_path / "old", users=share)
    report = await move(installed(), tmp_path / "old")
    assert (report.state, report.exit_code) == ("validated", 3)
    [said] = [line for line in report.content["warnings"] if "e-mail" in line]
    assert said.startswith("19 accounts have no e-mail here")
    assert ident("u", ROWS - 1) in said


async def test_a_source_that_changes_meanwhile_is_no_clean_end(
    installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(tmp_path / "old")
    untouched = Migration._copy_files

    async def change_source(self: Migration) -> Any:
        lancedb.connect(tmp_path / "old").open_table("memos").delete(f"memoId = '{ident('m', 1)}'")
        return await untouched(self)

    monkeypatch.setattr(Migration, "_copy_files", change_source)
    report = await move(installed(), tmp_path / "old")
    assert (report.state, report.exit_code) == ("validated", 3)
    assert report.content["changed_since"] == ["memos"]


async def test_what_people_change_afterwards_is_no_damage_and_damage_is(
    installed: MakeSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source(tmp_path / "old")
    target = installed()
    assert (await move(target, tmp_path / "old")).exit_code == 0
    with sqlite3.connect(target.sqlite_path) as connection:
        connection.execute("UPDATE memos SET content = 'damaged' WHERE memo_id = ?", (ident("m", 1),))
    damaged = await move(target, tmp_path / "old", verify_only=True)
    assert damaged.state == "mismatched", "nobody has used the new server"
    with sqlite3.connect(target.sqlite_path) as connection:
        [(text, later)] = connection.execute(
            "SELECT content, updated_at FROM memos WHERE memo_id = ?", (ident("m", 2),)
        )
        now = time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(time.time() + 60)) if isinstance(later, str) else 0
        now = now or int(time.time() * 1000) + 60_000
        connection.execute("UPDATE memos SET content = 'n', updated_at = ? WHERE memo_id = ?", (now, ident("m", 2)))
        connection.execute("DELETE FROM memos WHERE memo_id = ?", (ident("m", 3),))
    both = await move(target, tmp_path / "old", verify_only=True)
    jsonschema.validate(both.content, SCHEMA)
    assert text != "n"
    assert {one["key"] for one in both.content["verification"]["mismatches"]} == {ident("m", 1)}
    assert {ident("m", 2), ident("m", 3)} <= {one["key"] for one in both.content["verification"]["changed_rows"]}
    print_report(both)
    assert "changed here since the move" in " ".join(capsys.readouterr().out.split())


async def test_quarantine_lists_causes_before_what_follows_from_them(installed: MakeSettings, tmp_path: Path) -> None:
    def spoil(users: list[dict[str, Any]]) -> None:
        users[0]["createdAt"] = 900_000_000_000_000

    source(tmp_path / "old", users=spoil)
    report = await move(installed(), tmp_path / "old")
    order = [row["table"] for row in report.content["quarantine"]]
    assert order[0] == "users"
    assert len(order) > 1
    assert set(reasons(report).values()) >= {"time_out_of_range", "owner_missing"}


@pytest.mark.parametrize("channels", ["7", '{"type": "feishu"}', '"x"', "not json"])
async def test_channels_that_are_no_list_are_none(channels: str, installed: MakeSettings, tmp_path: Path) -> None:
    source(tmp_path / "old", push_rules=lambda rules: rules[0].update(channels=channels))
    target = installed()
    report = await move(target, tmp_path / "old", tables=("users", "push_rules"))
    with sqlite3.connect(target.sqlite_path) as connection:
        [(stored,)] = connection.execute(
            "SELECT channels FROM push_rules ORDER BY seq LIMIT 1",
        )
    assert stored == "[]"
    assert len(table(report, "push_rules")["normalisations"]) == 1


async def test_an_account_arrives_without_a_picture_that_no_statement_holds(
    mariadb: MariaDB, mysql_database: dict[str, str], installed: MakeSettings, tmp_path: Path
) -> None:
    def enlarge(users: list[dict[str, Any]]) -> None:
        users[0]["avatar"] = "data:image/png;base64," + "A" * 400_000

    source(
        tmp_path / "old",
        users=enlarge,
        ai_conversations=lambda rows: rows[0].update(title="t" * 400_000),
    )
    [(before,)] = mariadb.execute("SELECT @@global.max_allowed_packet")
    mariadb.execute("SET GLOBAL max_allowed_packet = 262144")
    try:
        target = installed(**{name.lower(): value for name, value in mysql_database.items()})
        report = await move(target, tmp_path / "old")
    finally:
        mariadb.execute("SET GLOBAL max_allowed_packet = %s", before)
    assert (report.state, report.exit_code, report.content["quarantine"]) == ("validated", 3, [])
    assert table(report, "users")["changes"] == {"avatar: larger_than_packet": 1}
    assert any("2 values were larger than max_allowed_packet" in line for line in report.content["warnings"])


async def test_the_old_servers_folder_is_no_store(installed: MakeSettings, tmp_path: Path) -> None:
    source(tmp_path / "old")
    before = sorted(path.name for path in (tmp_path / "old").iterdir())
    with pytest.raises(ConfigurationError, match=r"is the old server's folder.*aimo migrate-data --source"):
        await VectorStore.open(tmp_path / "old", model="m", dimension=8)
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == before
