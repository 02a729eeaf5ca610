"""Somebody registered in the new server before the move: nobody is locked out unseen, and both accounts can be one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import text

from aimo.cli.migration_output import print_report
from aimo.config import Settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.legacy.copy.row_copier import RowCopier

from .source_builder import MOMENT, ident, plain_rows, write
from .support import SCHEMA, MakeSettings, assert_accounted, move, table

EMAIL = "User0@example.test"
OLD, NEW = ident("u", 0), "registered-here"


async def run(settings: Settings, statements: Sequence[str], **values: object) -> list[list[tuple[Any, ...]]]:
    """Run statements on the target, and give their rows."""
    database = await Database.open(settings)
    try:
        await migrate.migrate(database)
        found = []
        async with database.engine.connect() as connection:
            for statement in statements:
                names = {name: value for name, value in values.items() if f":{name}" in statement}
                result = await connection.execute(text(statement), names)
                found.append([tuple(row) for row in result] if result.returns_rows else [])
        return found
    finally:
        await database.close()


async def register(settings: Settings, *, year: int = 2026) -> None:
    """An account of the new server with the e-mail of one in the source, and rows of several kinds."""
    moment = f"{year}-01-01 00:00:00.000"
    settings.attachments_dir.mkdir(parents=True)
    (settings.attachments_dir / "new.png").touch()
    await run(
        settings,
        [
            "INSERT INTO users (uid, email, email_key, password, salt, nickname, avatar, created_at, updated_at) "
            "VALUES (:new, :email, :email, 'new hash', 'new salt', 'Nick', 'new.png', :moment, :moment)",
            "INSERT INTO tags (tag_id, uid, name, name_key, usage_count, seq, created_at, updated_at) "
            "VALUES ('t-new', :new, '标签 0', '标签 0', 1, 1, :moment, :moment)",
            "INSERT INTO categories (category_id, uid, name, name_key, seq, created_at, updated_at) "
            "VALUES ('c-new', :new, 'Category 0', 'category 0', 1, :moment, :moment)",
            "INSERT INTO memos "
            "(memo_id, uid, category_id, content, type, tag_ids, is_public, seq, created_at, updated_at) VALUES "
            "('m-new', :new, 'c-new', 'written here', 'text', '[\"t-new\"]', 0, 1, :moment, :moment)",
            "INSERT INTO memo_tags (memo_id, tag_id, uid) VALUES ('m-new', 't-new', :new)",
            "INSERT INTO sessions (session_id, uid, address, user_agent, created_at, last_used_at, expires_at) "
            "VALUES ('s-new', :new, '', '', :moment, :moment, :moment)",
            "INSERT INTO access_tokens (token_id, uid, name, secret_hash, scopes, seq) "
            "VALUES ('pat-new', :new, 'script', 'hash', 'memos:read', 1)",
            "INSERT INTO daily_recommendations (recommendation_id, uid, date, memo_ids, created_at) "
            "VALUES ('rec-new', :new, '2026-01-01', '[]', :moment)",
            "INSERT INTO user_models (id, uid, name, provider, api_key, model_name, is_default, seq) "
            "VALUES ('um-new', :new, 'mine', 'openai', 'encrypted', 'gpt', 1, 1)",
            "INSERT INTO user_feature_configs (id, uid, feature, user_model_id) "
            "VALUES ('uf-new', :new, 'tag_generation', 'um-new')",
        ],
        new=NEW,
        email=EMAIL,
        moment=moment,
    )


@pytest.fixture
def source(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    rows = plain_rows(random.Random(7), 8)
    rows["memos"][0]["tagIds"] = [ident("t", 0)]
    write(tmp_path / "old", rows, parts=1)
    return rows


async def accounts(settings: Settings) -> list[tuple[Any, ...]]:
    (found,) = await run(settings, [f"SELECT uid, password, nickname, avatar FROM users WHERE email = '{EMAIL}'"])
    return found


async def test_an_email_of_two_accounts_is_named_and_nobody_is_changed(
    source: dict[str, list[dict[str, Any]]],
    installed: MakeSettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = installed()
    await register(target)
    conflict = {"email": EMAIL, "source_uid": OLD, "target_uid": NEW, "older": "source"}
    rehearsed = await move(target, tmp_path / "old", dry_run=True)
    report = await move(target, tmp_path / "old")
    again = await move(target, tmp_path / "old")
    for one in (rehearsed, report, again):
        assert (one.exit_code, one.content["email_conflicts"]) == (3, [conflict])
        jsonschema.validate(one.content, SCHEMA)
        print_report(one)
        assert f"WARNING: {EMAIL} belongs to {NEW} here and to {OLD} in the source" in capsys.readouterr().out
    assert again.content["nothing_to_do"]
    assert [uid for uid, *_ in await accounts(target)] == [NEW]


@pytest.mark.parametrize(("engine", "migrated_before"), [("sqlite", False), ("mysql", True)])
async def test_joined_accounts_are_one_with_the_rows_of_both(
    engine: str,
    migrated_before: bool,
    source: dict[str, list[dict[str, Any]]],
    installed: MakeSettings,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    database: dict[str, str] = {} if engine == "sqlite" else request.getfixturevalue("mysql_database")
    target = installed(**{name.lower(): value for name, value in database.items()})
    await register(target)
    if migrated_before:
        assert (await move(target, tmp_path / "old")).exit_code == 3
        choice = f"('uf-old', '{OLD}', 'tag_generation')"
        await run(target, [f"INSERT INTO user_feature_configs (id, uid, feature) VALUES {choice}"])
    rehearsed = await move(target, tmp_path / "old", dry_run=True, join_accounts=True)
    report = await move(target, tmp_path / "old", join_accounts=True)
    assert_accounted(report, source)
    jsonschema.validate(report.content, SCHEMA)
    assert report.exit_code == rehearsed.exit_code == 0, report.content["verification"]["mismatches"]
    assert report.content["tables"] == rehearsed.content["tables"]
    assert [one["target_uid"] for one in report.content["accounts_joined"]] == [NEW]
    assert table(report, "users")["changes"]["uid: accounts_joined"] == 1

    # The older account's password, and what only the younger one has filled in.
    nickname = source["users"][0]["nickname"] or "Nick"
    assert await accounts(target) == [(OLD, "$2b$10$x", nickname, "new.png")]
    memos, tags, links, categories, days, rest, entries = await run(
        target,
        [
            f"SELECT memo_id, content FROM memos WHERE uid = '{OLD}' AND memo_id IN ('m-new', '{ident('m', 0)}')",
            f"SELECT name, usage_count FROM tags WHERE uid = '{OLD}' AND name = '标签 0'",
            "SELECT COUNT(DISTINCT tag_id), COUNT(*) FROM memo_tags "
            f"WHERE memo_id IN ('m-new', '{ident('m', 0)}') AND uid = '{OLD}'",
            f"SELECT COUNT(*) FROM categories WHERE uid = '{OLD}' AND name = 'Category 0'",
            f"SELECT COUNT(*) FROM daily_recommendations WHERE uid = '{OLD}' AND date = '2026-01-01'",
            "SELECT uid FROM access_tokens UNION "
            f"SELECT uid FROM sessions WHERE uid = '{NEW}' UNION SELECT uid FROM users WHERE uid = '{NEW}'",
            "SELECT kind, uid FROM outbox_entries WHERE entity_id = 'm-new'",
        ],
    )
    assert dict(memos)["m-new"] == "written here" and len(memos) == 2
    assert tags == [("标签 0", 2)] and links == [(1, 2)]
    assert categories == days == [(1,)]
    assert rest == [] and entries == [("memo", OLD)]
    models, chosen = await run(target, ["SELECT id, uid FROM user_models", "SELECT id, uid FROM user_feature_configs"])
    assert models == [("um-new", OLD)]
    assert chosen == [("uf-old" if migrated_before else "uf-new", OLD)]

    later = await move(target, tmp_path / "old", join_accounts=True)
    assert (later.exit_code, later.content["nothing_to_do"]) == (0, True)
    assert (await move(target, tmp_path / "old", verify_only=True)).exit_code == 0


async def test_the_older_account_of_the_target_keeps_its_password(
    source: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path
) -> None:
    target = installed()
    await register(target, year=2001)
    report = await move(target, tmp_path / "old", join_accounts=True)
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert report.content["accounts_joined"][0]["older"] == "target"
    assert await accounts(target) == [(OLD, "new hash", "Nick", "new.png")]
    assert (await move(target, tmp_path / "old", verify_only=True)).exit_code == 0


async def test_a_run_killed_once_accounts_were_joined_goes_on(
    source: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = installed()
    await register(target)

    async def die(self: RowCopier, progress: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(RowCopier, "copy", die)
        await move(target, tmp_path / "old", join_accounts=True)
    report = await move(target, tmp_path / "old")
    assert_accounted(report, source)
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert [uid for uid, *_ in await accounts(target)] == [OLD]
    assert len(report.content["accounts_joined"]) == 1


async def test_accounts_of_the_source_alone_are_no_conflict(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(7), 8)
    rows["users"] += [rows["users"][0] | {"uid": "twin", "createdAt": MOMENT - 1}]
    write(tmp_path / "old", rows, parts=1)
    target = installed()
    report = await move(target, tmp_path / "old")
    assert (report.exit_code, report.content["email_conflicts"]) == (3, [])
    assert [uid for uid, *_ in await accounts(target)] == ["twin"]
