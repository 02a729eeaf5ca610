"""A source that has lost data, or that changes while it is read: noticed and named, never quietly less."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import lancedb
import pytest

from aimo.legacy.copy.row_copier import RowCopier
from aimo.legacy.row_outcomes import QuarantineReason
from aimo.legacy.source import damaged_reads as damage
from aimo.vectors.errors import VectorStoreError

from .source_builder import ident, plain_rows, write
from .support import MakeSettings, assert_accounted, lance, move, reasons, table

ROWS = 60


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "_WAIT_SECONDS", 0.01)


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    made = plain_rows(random.Random(12), ROWS)
    write(tmp_path / "old", made)
    return made


def lose(folder: Path, name: str) -> None:
    """Remove the data file of a table's second third."""
    files = sorted((folder / f"{name}.lance" / "data").glob("*.lance"), key=lambda path: path.stat().st_mtime_ns)
    files[1].unlink()


async def test_rows_of_a_lost_file_are_quarantined_and_others_migrated(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path
) -> None:
    lose(tmp_path / "old", "memos")
    lose(tmp_path / "old", "embedding_cache")
    rehearsed = await move(installed(), tmp_path / "old", dry_run=True)
    report = await move(installed(), tmp_path / "old")
    assert_accounted(report, rows)
    assert report.exit_code == rehearsed.exit_code == 3, report.content["verification"]["mismatches"][:3]
    assert rehearsed.content["tables"] == report.content["tables"]
    assert table(report, "memos")["quarantined"] == ROWS // 3
    unreadable = [row for row in report.content["quarantine"] if row["reason"] == QuarantineReason.UNREADABLE]
    assert [row["position"] for row in unreadable] == list(range(ROWS // 3, 2 * ROWS // 3))
    assert lance(report, "memo_vectors")["copied"] == lance(report, "memo_texts")["copied"] == 2 * ROWS // 3
    assert lance(report, "embedding_cache")["left_out"] == ROWS // 3
    again = await move(installed(), tmp_path / "old")
    assert again.content["nothing_to_do"] and again.exit_code == 3


async def test_a_lost_table_stops_the_command(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "old" / "memos.lance" / "_versions")
    with pytest.raises(VectorStoreError, match="memos"):
        await move(installed(), tmp_path / "old")


async def test_changes_during_the_run_are_noticed_and_come_with_the_next(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RowCopier._write

    async def meddle(self: Any, verdicts: Any) -> None:
        if self._reader.table.name == "memos":
            memos = lancedb.connect(tmp_path / "old").open_table("memos")
            memos.update(where=f"memoId = '{ident('m', 3)}'", values={"content": "later"})
            memos.delete(f"memoId = '{ident('m', 4)}'")
        await real(self, verdicts)

    with monkeypatch.context() as patched:
        patched.setattr(RowCopier, "_write", meddle)
        report = await move(installed(), tmp_path / "old")
    assert_accounted(report, rows)
    assert (report.state, report.exit_code) == ("validated", 3)
    assert report.content["changed_since"] == ["memos"]
    assert table(report, "memos")["source_rows"] == ROWS
    following = await move(installed(), tmp_path / "old")
    assert table(following, "memos")["updated"] == 1
    assert table(following, "memos")["present"] == ROWS - 2
    assert following.content["changed_since"] == []


async def test_a_version_that_is_removed_while_it_is_read_quarantines_nothing(
    rows: dict[str, list[dict[str, Any]]], installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RowCopier._write

    async def meddle(self: Any, verdicts: Any) -> None:
        await real(self, verdicts)
        if self._reader.table.name == "tags":
            memos = lancedb.connect(tmp_path / "old").open_table("memos")
            before = set((tmp_path / "old" / "memos.lance" / "data").iterdir())
            memos.update(where="true", values={"content": "later"})
            for path in before:
                path.unlink()

    with monkeypatch.context() as patched:
        patched.setattr(RowCopier, "_write", meddle)
        with pytest.raises(VectorStoreError, match="stop the old server"):
            await move(installed(), tmp_path / "old")
    report = await move(installed(), tmp_path / "old")
    assert_accounted(report, rows)
    assert reasons(report) == {}
    assert "could not go on" in report.content["remarks"][0]
