"""A database of release 0.9.5, whose rows are in MySQL, moves over as safely as one of LanceDB alone."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import lancedb
import pytest
from tests.support.mariadb import MariaDB

from aimo import config
from aimo.cli.migration_output import print_report
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.migrate import prepare
from aimo.errors import ConfigurationError
from aimo.legacy.plan.options import UsageError
from aimo.legacy.report import MigrationReport
from aimo.services.models.key_cipher import KeyCipher

from .support import (
    SCHEMA,
    MakeSettings,
    OldDatabase,
    address_of,
    lance,
    load_dump,
    move,
    reasons,
    settings_for,
    table,
    unpack,
)

NAME = "release-0.9.5"
LI = "ufbgz3b359ir5nk9ql8nulh3"
ROWS = {
    "users": (3, 1),
    "categories": (6, 2),
    "tags": (12, 1),
    "memos": (51, 2),
    "memo_relations": (5, 2),
    "attachments": (5, 1),
    "ai_conversations": (1, 1),
    "ai_messages": (2, 0),
    "daily_recommendations": (1, 0),
    "push_rules": (2, 0),
    "table_migrations": (16, 0),
    "user_models": (2, 0),
    "user_feature_configs": (1, 0),
    "review_profiles": (3, 0),
    "review_sessions": (2, 0),
    "review_items": (10, 0),
    "in_app_notifications": (3, 0),
    "spaced_repetition_cards": (46, 3),
    "spaced_repetition_rules": (2, 1),
}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> OldDatabase:
    return unpack(NAME, tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def source(mariadb: MariaDB, old: OldDatabase) -> dict[str, str]:
    """Shared: a source is never written to."""
    return load_dump(mariadb, old.folder)


def installation(settings: MakeSettings, source: dict[str, str], data: Path, **database: str) -> Settings:
    values = settings_for(data, database, 384) | {"AIMO_SOURCE_PASSWORD": source["MYSQL_PASSWORD"]}
    return settings(**values, jwt_secret="the secret that the old server had")


async def migrate(target: Settings, source: dict[str, str], old: OldDatabase, **options: Any) -> MigrationReport:
    options = {"vectors": str(old.lancedb), "source_zone": "UTC", **options}
    return await move(target, address_of(source), **options)


def checksums(mariadb: MariaDB, database: dict[str, str]) -> list[tuple[Any, ...]]:
    name = database["MYSQL_DATABASE"]
    tables = [row[0] for row in mariadb.execute("SHOW TABLES", database=name)]
    return mariadb.execute(f"CHECKSUM TABLE {', '.join(f'`{one}`' for one in tables)}", database=name)


@dataclass(frozen=True)
class Moved:
    """An embedded database that the source was moved into, for tests that only read it."""

    target: Settings
    report: MigrationReport


@pytest.fixture(scope="module")
def moved(old: OldDatabase, source: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Moved:
    data = tmp_path_factory.mktemp("moved")

    def settings(**values: Any) -> Settings:
        return config.load(_env_file=None, **{name.lower(): value for name, value in values.items()})

    target = installation(settings, source, data)
    return Moved(target, asyncio.run(migrate(target, source, old)))


async def test_everything_arrives_and_the_source_stays_as_it_was(
    mariadb: MariaDB,
    old: OldDatabase,
    source: dict[str, str],
    database: dict[str, str],
    settings: MakeSettings,
    tmp_path: Path,
) -> None:
    before = old.fingerprint(), checksums(mariadb, source)
    target = installation(settings, source, tmp_path / "data", **database)
    rehearsed = await migrate(target, source, old, dry_run=True)
    report = await migrate(target, source, old, copy_files=str(old.attachments))
    jsonschema.validate(json.loads(json.dumps(report.content)), SCHEMA)
    assert (report.state, report.exit_code, report.content["problems"]) == ("validated", 3, [])
    for name, (brought, left) in ROWS.items():
        counted = table(report, name)
        merged = counted["merged"]
        assert (counted["migrated"] + counted["normalised"], counted["quarantined"]) == (brought, left), name
        assert counted["source_rows"] == brought + left + merged, name
    assert rehearsed.content["tables"] == report.content["tables"]
    assert source["MYSQL_PASSWORD"] not in json.dumps(report.content)
    # One text differs from the vector's, one memo has no vector; three are in the trash, two are none of MySQL's.
    assert lance(report, "memo_vectors")["copied"] == 46
    assert lance(report, "memo_vectors")["marked"] == 1
    assert lance(report, "embedding_cache")["copied"] == 58
    assert not list((tmp_path / "data" / "migration-snapshots").glob("*/*")), "snapshots go with their run"
    again = await migrate(target, source, old)
    assert again.content["nothing_to_do"], again.content["versions"]
    assert again.exit_code == 3
    assert (old.fingerprint(), checksums(mariadb, source)) == before


def test_it_is_told_whose_rows_stay_behind_and_why(moved: Moved, capsys: pytest.CaptureFixture[str]) -> None:
    told = moved.report.content["left_behind"]
    (told_of_anna,) = [user for user in told if user["email"] == "Anna@Example.test"]
    assert told_of_anna["rows"] == {"memo_relations: target_foreign": 1}
    assert sum(sum(user["rows"].values()) for user in told) == len(moved.report.content["quarantine"])
    print_report(moved.report)
    assert "left behind: Anna@Example.test u3hr9eev4s2wrz60kevwltgv: memo_relations: target_foreign 1" in (
        capsys.readouterr().out
    )


def test_what_has_no_place_is_kept_or_forgotten_as_it_should(old: OldDatabase, moved: Moved) -> None:
    target, report = moved.target, moved.report
    special = old.manifest["special"]
    why = reasons(report)
    assert why[special["only_in_lancedb"]] == "only_in_vectors"
    only = next(row for row in report.content["quarantine"] if row["key"] == special["only_in_lancedb"])
    assert only["row"]["content"]
    assert len(only["row"]["vector"]) == 4 * ((384 * 4 + 2) // 3)
    gone = old.manifest["deleted_user"]
    assert why[gone["uid"]] == why[gone["memo"]] == "account_deleted"
    everything = target.sqlite_path.read_bytes()
    wal = target.sqlite_path.with_name("aimo.db-wal")
    everything += wal.read_bytes() if wal.exists() else b""
    assert gone["email"].encode() not in everything
    assert b"memo of a deleted account" not in everything
    with sqlite3.connect(target.sqlite_path) as connection:
        trash = dict(connection.execute("SELECT memo_id, deleted_at FROM memos WHERE deleted_at > 0"))
        relations = {row[0] for row in connection.execute("SELECT relation_id FROM memo_relations")}
        waiting = {row[0] for row in connection.execute("SELECT entity_id FROM outbox_entries")}
        totals = dict(connection.execute("SELECT uid, count(*) FROM memos WHERE deleted_at = 0 GROUP BY uid"))
        uses = dict(connection.execute("SELECT name, usage_count FROM tags WHERE uid = ?", (LI,)))
    assert trash[old.manifest["memos"]["trash1"]] == 1_795_793_761_535
    assert len(trash) == 3
    assert {"roedr0ucysslyi9h6pum0x4b", "rrztq98y4xb2h3t5tuesbugh"} <= relations
    assert waiting == {special["only_in_mysql"], special["content_differs"]}
    assert sorted(totals.values()) == [3, 45]
    assert uses["Dup"] == 1, "one memo named the tag three times"
    assert uses["读书"] == 2, "a memo in the trash is not counted"
    vectors = lancedb.connect(target.lancedb_uri).open_table("memo_vectors").to_arrow().column("memoId").to_pylist()
    assert not {*trash, special["content_differs"], special["only_in_lancedb"]} & set(vectors)


def test_keys_of_models_are_encrypted_and_shown_nowhere(moved: Moved) -> None:
    target, report = moved.target, moved.report
    assert "sk-secret-li" not in json.dumps(report.content)
    assert b"sk-secret-li" not in target.sqlite_path.read_bytes()
    cipher = KeyCipher("the secret that the old server had")
    with sqlite3.connect(target.sqlite_path) as connection:
        keys = dict(connection.execute("SELECT id, api_key FROM user_models"))
        profiles = {
            key: json.loads(rules)
            for key, rules in connection.execute("SELECT profile_id, filter_rules FROM review_profiles")
        }
        items = connection.execute(
            "SELECT memo_id, position FROM review_items WHERE session_id = ? ORDER BY position",
            ("revt17q1es2hiw0enamz1sa3mi",),
        ).fetchall()
    assert {cipher.decrypt(value, model_id=key) for key, value in keys.items()} == {"sk-secret-li", "sk-2"}
    assert profiles["revold000000000000000000"] == [{"type": "tag", "operator": "include", "value": "读书"}]
    assert len(profiles["revy25bwrj0wemhmyvoebuez5q"]) == 2
    assert [position for _, position in items] == [0, 1, 2, 3, 4]
    assert items[0][0] == "m4d0z4xqpsuay95hb6fi0ciy"


def test_cards_rules_and_settings_of_repetition_arrive(old: OldDatabase, moved: Moved) -> None:
    why = reasons(moved.report)
    assert why["riorphan000000000000000"] == why["ri7rvz80v2s6t0ujxtslf2u1h"] == "target_missing"
    assert why["srrtmtwdj1s45680pqmablfy57"] == "target_missing", "its tag was deleted"
    cards = table(moved.report, "spaced_repetition_cards")
    [double] = cards["merged_rows"]
    assert (double["key"], double["into"]) == ("ridouble000000000000000", "ri5pu512dy5hooheypky7v3p7")
    assert double["why"] == "same_card"
    with sqlite3.connect(moved.target.sqlite_path) as connection:
        held = connection.execute(
            "SELECT ease_factor, interval_days, repetitions, lapse_count, next_review_at, last_review_at, created_at "
            "FROM spaced_repetition_cards WHERE card_id = 'ri0nqfcr7titbgh0euzhfr4s2'"
        ).fetchall()
        [misplaced] = connection.execute(
            "SELECT count(*) FROM spaced_repetition_cards AS c JOIN memos AS m USING (memo_id) WHERE c.seq <> m.seq"
        )
        rules = connection.execute(
            "SELECT filter_value, category_id, tag_id FROM spaced_repetition_rules ORDER BY seq"
        ).fetchall()
        chosen = {row[0]: row[1:] for row in connection.execute("SELECT uid, sr_enabled, sr_daily_limit FROM users")}
        told = connection.execute("SELECT memo_id, is_read FROM in_app_notifications ORDER BY seq").fetchall()
    [(*state, due, reviewed, created)] = held
    assert state == [1.96, 1, 0, 1]
    assert [moment(due), moment(reviewed)] == [moment(f"2026-11-{day} 15:36:01.503") for day in (28, 27)]
    assert moment(created) == moment("2026-11-27 15:36:00.212")
    assert misplaced == (0,)
    assert rules == [
        ("c6hd2r7k03zpm8vmwfqjf54z", "c6hd2r7k03zpm8vmwfqjf54z", None),
        ("读书", None, "t0ksnedvw01plawytulrg5v9"),
    ]
    assert chosen.pop(LI) == (1, 7)
    assert set(chosen.values()) == {(0, 5)}
    plain = old.manifest["memos"]["plain"]
    assert told == [(None, 0), (plain, 1), (plain, 0)]


async def test_times_are_what_the_old_server_wrote_whatever_its_zone(
    mariadb: MariaDB, old: OldDatabase, source: dict[str, str], settings: MakeSettings, tmp_path: Path
) -> None:
    """The server of the tests is eight hours ahead: the old server's texts are UTC all the same."""
    ahead = load_dump(mariadb, old.folder, in_utc=False)
    found = {}
    tables = ("users", "categories", "tags", "memos", "attachments")
    for number, (database, zone) in enumerate([(source, "UTC"), (ahead, None), (ahead, "Asia/Shanghai")]):
        data = tmp_path / str(number)
        report = await migrate(installation(settings, database, data), database, old, source_zone=zone, tables=tables)
        assert any("--source-zone" in line for line in report.content["warnings"]) == (zone is None)
        with sqlite3.connect(data / "aimo.db") as connection:
            found[number] = {
                name: dict(connection.execute(f"SELECT {key}, created_at FROM {name}"))
                for name, key in (("memos", "memo_id"), ("attachments", "attachment_id"), ("users", "uid"))
            }
    hours = {
        key: [(moment(found[n]["users"][key]) - moment(value)).total_seconds() / 3600 for n in (1, 2)]
        for key, value in found[0]["users"].items()
    }
    assert found[0]["memos"] == found[1]["memos"] == found[2]["memos"]
    assert moment(found[0]["memos"][old.manifest["memos"]["plain"]]) == moment("2026-11-27 15:35:57.930")
    assert set(map(tuple, hours.values())) == {(0.0, -8.0)}, "the database's clock filled these in"


def moment(stored: object) -> datetime:
    """A time as SQLite has it."""
    return datetime.fromisoformat(str(stored).removesuffix("Z"))


async def test_the_right_to_select_is_enough(
    mariadb: MariaDB, old: OldDatabase, source: dict[str, str], settings: MakeSettings, tmp_path: Path
) -> None:
    name = source["MYSQL_DATABASE"]
    user = f"r{name[-10:]}"
    mariadb.execute(f"CREATE USER `{user}`@'%%' IDENTIFIED BY 'read p@ss'")
    mariadb.execute(f"GRANT SELECT ON `{name}`.* TO `{user}`@'%%'")
    target = installation(settings, source | {"MYSQL_PASSWORD": "read p@ss"}, tmp_path / "data")
    report = await move(
        target, address_of(source, user), vectors=str(old.lancedb), source_zone="UTC", tables=("users", "categories")
    )
    assert report.state == "validated"
    assert table(report, "categories")["migrated"] == 6


async def test_rows_that_change_between_two_runs_follow(
    mariadb: MariaDB, old: OldDatabase, settings: MakeSettings, tmp_path: Path
) -> None:
    source = load_dump(mariadb, old.folder)
    name = source["MYSQL_DATABASE"]
    target = installation(settings, source, tmp_path / "data")
    await migrate(target, source, old)
    memos = old.manifest["memos"]
    mariadb.execute("UPDATE memos SET content = 'new text' WHERE memo_id = %s", memos["n0"], database=name)
    mariadb.execute("UPDATE memos SET deleted_at = 1795800000000 WHERE memo_id = %s", memos["n1"], database=name)
    mariadb.execute("UPDATE memos SET deleted_at = 0 WHERE memo_id = %s", memos["trash1"], database=name)
    report = await migrate(target, source, old)
    assert (report.state, table(report, "memos")["updated"]) == ("validated", 3), report.content["verification"]
    with sqlite3.connect(target.sqlite_path) as connection:
        rows = {row[0]: row[1:] for row in connection.execute("SELECT memo_id, content, deleted_at FROM memos")}
        waiting = {row[0] for row in connection.execute("SELECT entity_id FROM outbox_entries")}
    assert rows[memos["n0"]][0] == "new text"
    assert rows[memos["n1"]][1] == 1_795_800_000_000
    assert rows[memos["trash1"]][1] == 0
    assert memos["n0"] in waiting
    store = lancedb.connect(target.lancedb_uri)
    for name in ("memo_texts", "memo_vectors"):
        held = store.open_table(name).to_arrow().column("memoId").to_pylist()
        assert memos["n1"] not in held
        assert memos["trash1"] in held


async def test_older_schemas_lack_tables_and_columns(
    mariadb: MariaDB, old: OldDatabase, settings: MakeSettings, tmp_path: Path
) -> None:
    source = load_dump(mariadb, old.folder)
    name = source["MYSQL_DATABASE"]
    for later in ("user_models", "user_feature_configs", "review_items", "review_sessions"):
        mariadb.execute(f"DROP TABLE {later}", database=name)
    mariadb.execute("ALTER TABLE memos DROP COLUMN is_public, DROP COLUMN deleted_at", database=name)
    mariadb.execute("ALTER TABLE users DROP COLUMN sr_enabled, DROP COLUMN sr_daily_limit", database=name)
    tables = ("users", "categories", "tags", "memos")
    report = await migrate(installation(settings, source, tmp_path / "data"), source, old, tables=tables)
    assert report.state == "validated"
    assert table(report, "memos")["migrated"] + table(report, "memos")["normalised"] == 51


async def test_what_cannot_be_meant_is_refused(
    mariadb: MariaDB, old: OldDatabase, source: dict[str, str], settings: MakeSettings, tmp_path: Path
) -> None:
    target = installation(settings, source, tmp_path / "data")
    with pytest.raises(ConfigurationError, match=r"--source mysql://USER@HOST/DATABASE --vectors"):
        await move(target, old.lancedb)
    with pytest.raises(ConfigurationError, match=r"cannot be read: .*(denied|password)"):
        await migrate(installation(settings, source | {"MYSQL_PASSWORD": "wrong"}, tmp_path / "data"), source, old)
    same = installation(settings, source, tmp_path / "data", **source)
    with pytest.raises(UsageError, match="--source must differ from the configured database"):
        await migrate(same, source, old)


async def test_such_a_database_is_no_target(
    mariadb: MariaDB, source: dict[str, str], settings: MakeSettings, tmp_path: Path
) -> None:
    tables = mariadb.execute("SHOW TABLES", database=source["MYSQL_DATABASE"])
    same = installation(settings, source, tmp_path / "data", **source)
    for auto in (True, False):
        database = await Database.open(same)
        try:
            with pytest.raises(
                ConfigurationError, match=r"belongs to the existing.*aimo migrate-data --source mysql://"
            ):
                await prepare(database, same.model_copy(update={"auto_migrate": auto}))
        finally:
            await database.close()
    assert mariadb.execute("SHOW TABLES", database=source["MYSQL_DATABASE"]) == tables
