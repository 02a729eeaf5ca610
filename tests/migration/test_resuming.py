"""What an interrupted, a finished and a contradicting run mean for the next one."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import jsonschema
import lancedb
import pyarrow as pa
import pytest

from aimo.cli.migration_output import print_report
from aimo.errors import ConfigurationError
from aimo.legacy.copy.row_copier import RowCopier
from aimo.legacy.copy.vector_copier import VectorCopier
from aimo.legacy.plan.options import UsageError

from .source_builder import DIMENSION, ident, plain_rows, write
from .support import SCHEMA, MakeSettings, assert_accounted, lance, move, table


class Stop(BaseException):
    """The process was killed here."""


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    made = plain_rows(random.Random(7), 40)
    write(tmp_path / "old", made)
    return made


async def interrupt(
    monkeypatch: pytest.MonkeyPatch, copier: type[Any], settings: Any, source: Path, **options: Any
) -> None:
    """Run until a copier is about to write for the second time."""
    with monkeypatch.context() as patched:
        calls = []
        real = copier._write if copier is RowCopier else copier._copy_page

        async def stop(self: Any, *values: Any, **named: Any) -> Any:
            calls.append(self)
            if len(calls) > 3 or copier is VectorCopier:
                raise Stop
            return await real(self, *values, **named)

        patched.setattr(copier, real.__name__, stop)
        with pytest.raises(Stop):
            await move(settings, source, **options)


@pytest.mark.parametrize("resume", [False, True])
async def test_an_interrupted_run_is_taken_up_with_and_without_the_option(
    resume: bool,
    rows: dict[str, list[dict[str, Any]]],
    installed: MakeSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = installed()
    await interrupt(monkeypatch, RowCopier, target, tmp_path / "old")
    report = await move(target, tmp_path / "old", resume=resume)
    assert_accounted(report, rows)
    assert report.exit_code == 0
    assert table(report, "users")["migrated"] == len(rows["users"])
    assert report.content["remarks"] == [
        f"Went on with the interrupted run {report.content['run']}, as it had been started."
    ]
    again = await move(target, tmp_path / "old", resume=True)
    assert again.content["nothing_to_do"] and again.exit_code == 0
    assert again.content["remarks"] == ["There was no interrupted run of this source to go on with."]
    for one in (report, again):
        jsonschema.validate(json.loads(json.dumps(one.content)), SCHEMA)


async def test_a_run_over_other_tables_is_finished_first(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = installed()
    await interrupt(monkeypatch, RowCopier, target, tmp_path / "old", tables=("users", "categories", "tags", "memos"))
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert report.exit_code == 0
    assert table(report, "memos")["present"] == table(report, "push_rules")["migrated"] == 40


async def test_the_model_of_an_interrupted_run_stays(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = installed(openai_embedding_model="another-model")
    source = tmp_path / "old"
    with pytest.raises(ConfigurationError, match="is not the configured another-model"):
        await move(target, source)
    await interrupt(monkeypatch, VectorCopier, target, source, model="old-model")
    for options in ({"reembed": True}, {"model": "third"}):
        with pytest.raises(UsageError, match="kept as those of old-model"):
            await move(target, source, **options)
    report = await move(target, source)
    assert report.exit_code == 0
    assert report.content["model"] == {"name": "old-model", "dimension": DIMENSION, "copied": True}
    assert (await move(target, source, model="old-model")).content["nothing_to_do"]
    with pytest.raises(UsageError, match="aimo sync rebuild"):
        await move(target, source, reembed=True)


async def test_another_source_may_follow(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = installed()
    await interrupt(monkeypatch, RowCopier, target, tmp_path / "old")
    # The same database at another place: its rows are there already.
    (tmp_path / "old").rename(tmp_path / "moved")
    report = await move(target, tmp_path / "moved")
    assert_accounted(report, rows)
    assert report.exit_code == 0
    assert table(report, "users")["present"] == len(rows["users"])
    assert report.content["remarks"] == [f"The migration of {tmp_path / 'old'} into this database was interrupted."]


async def test_versions_that_are_gone_cost_nothing(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = installed()
    await interrupt(monkeypatch, RowCopier, target, tmp_path / "old")
    memos = lancedb.connect(tmp_path / "old").open_table("memos")
    memos.update(where=f"memoId = '{ident('m', 3)}'", values={"content": "changed since"})
    for manifest in sorted((tmp_path / "old" / "memos.lance" / "_versions").glob("*.manifest"))[1:]:
        manifest.unlink()
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert report.exit_code == 0
    assert "could not go on" in report.content["remarks"][0]


async def test_left_behind_vectors_get_outbox_entries(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path
) -> None:
    report = await move(installed(openai_embedding_model="another-model"), tmp_path / "old", reembed=True)
    assert report.exit_code == 0
    assert lance(report, "memo_vectors")["marked"] == 40
    assert lance(report, "embedding_cache")["copied"] == 40


async def test_tables_need_those_they_refer_to(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path
) -> None:
    target = installed()
    with pytest.raises(UsageError, match="users must be migrated first"):
        await move(target, tmp_path / "old", tables=("memos",))
    for name in ("users", "categories", "tags", "memos", "memo_relations"):
        report = await move(target, tmp_path / "old", tables=(name,))
        assert report.exit_code == 0, report.content["problems"]
        assert [entry["table"] for entry in report.content["tables"]] == [name]


async def test_old_tables_go_only_after_a_valid_run(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path
) -> None:
    target = installed()
    rows["tags"].append({"tagId": "t-x", "uid": "nobody", "name": "x"})
    write(tmp_path / "quarantining", rows)
    kept = await move(target, tmp_path / "quarantining", purge_source=True)
    assert kept.exit_code == 3 and "purged" not in kept.content
    assert len(lancedb.connect(tmp_path / "quarantining").list_tables(limit=50).tables) == 13
    purged = await move(target, tmp_path / "old", purge_source=True)
    assert purged.exit_code == 0
    assert len(purged.content["purged"]) == 13
    assert lancedb.connect(tmp_path / "old").list_tables(limit=50).tables == []


async def test_rows_removed_in_the_source_stay_and_are_listed(
    installed: MakeSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = plain_rows(random.Random(7), 40)
    write(tmp_path / "old", rows, types={(name, "deletedAt"): pa.int64() for name in ("memos", "tags")})
    target = installed()
    first = await move(target, tmp_path / "old")
    assert all(entry["kept"] == {} and entry["kept_rows"] == [] for entry in first.content["tables"])
    source = lancedb.connect(tmp_path / "old")
    source.open_table("memos").delete(f"memoId IN ('{ident('m', 3)}', '{ident('m', 4)}')")
    source.open_table("memos").update(where=f"memoId = '{ident('m', 5)}'", values={"deletedAt": 7})
    source.open_table("tags").update(where=f"tagId = '{ident('t', 5)}'", values={"deletedAt": 7})
    source.open_table("push_rules").delete("true")
    with sqlite3.connect(target.sqlite_path) as connection:
        connection.execute("DELETE FROM push_rules WHERE id != ?", (ident("push", 9),))
    rehearsed = await move(target, tmp_path / "old", dry_run=True)
    moved = await move(target, tmp_path / "old")
    compared = await move(target, tmp_path / "old", verify_only=True)
    for report in (rehearsed, moved, compared):
        jsonschema.validate(json.loads(json.dumps(report.content)), SCHEMA)
        assert table(report, "memos")["kept"] == {"removed": 2}
        assert table(report, "memos")["kept_rows"] == [
            {"key": ident("m", number), "why": why} for number, why in ((3, "removed"), (4, "removed"))
        ]
        assert table(report, "push_rules")["kept_rows"] == [{"key": ident("push", 9), "why": "removed"}]
        assert table(report, "tags")["kept_rows"] == [{"key": ident("t", 5), "why": "trashed"}]
        assert report.exit_code == 3, "only because of what is in the trash"
    assert moved.state == compared.state == "validated"
    print_report(compared)
    said = " ".join(capsys.readouterr().out.split())
    assert f"tags: 1 brought over earlier, in the source's trash now, stay in the target: {ident('t', 5)}" in said
    with sqlite3.connect(target.sqlite_path) as connection:
        assert connection.execute("SELECT count(*) FROM memos").fetchone() == (40,)
        trashed = connection.execute("SELECT memo_id, deleted_at FROM memos WHERE deleted_at > 0").fetchall()
    assert trashed == [(ident("m", 5), 7)]
