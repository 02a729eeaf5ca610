"""A mirrored folder follows its export, and nothing that somebody else wrote is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from aimo.errors import ConfigurationError
from aimo.services.export.entries import Entry
from aimo.services.export.mirror import STATE, Mirror, MirrorReport
from aimo.storage.protocol import StorageError


class Files:
    """An export of these files; `read` lists those whose contents were asked for."""

    def __init__(self, files: dict[str, bytes], *, fails_at: str = "") -> None:
        self.files = {**files, "aimo.json": b"told at %d" % id(files)}
        self.read: list[str] = []
        self._fails_at = fails_at

    async def all(self, known: Mapping[str, str] | None = None) -> AsyncIterator[Entry]:
        for path, content in self.files.items():
            chunks = None if path in (known or {}) else self._chunks(path, content)
            yield Entry(path, 1_000_000, len(content), not path.startswith("attachments/"), chunks)

    async def _chunks(self, path: str, content: bytes) -> AsyncIterator[bytes]:
        self.read.append(path)
        yield content[:1]
        if path == self._fails_at:
            raise StorageError("away")
        yield content[1:]


async def update(folder: Path, files: Files) -> MirrorReport:
    return await Mirror(folder, "u1").update(files)


def there(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (STATE, "aimo.json"))
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


FIRST = {"attachments/a.png": b"picture", "memos/1.md": b"one", "memos/2.md": b"two", "memos.json": b"{}"}
TEXTS = {path: content.decode() for path, content in FIRST.items()}


async def test_what_did_not_change_is_neither_read_nor_written_again(tmp_path: Path) -> None:
    assert (await update(tmp_path, Files(FIRST))).written == 5
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and path.name != STATE}
    again = Files(dict(FIRST))
    report = await update(tmp_path, again)
    assert (report.written, report.removed, report.unchanged) == (0, 0, 5)
    assert "attachments/a.png" not in again.read
    assert {path: path.stat().st_mtime_ns for path in before} == before


async def test_changed_files_are_written_and_gone_ones_removed_with_their_folders(tmp_path: Path) -> None:
    await update(tmp_path, Files(FIRST))
    report = await update(tmp_path, Files({"memos/1.md": b"one more", "trash/2.md": b"two", "memos.json": b"{}"}))
    assert there(tmp_path) == {"memos/1.md": "one more", "trash/2.md": "two", "memos.json": "{}"}
    assert (report.removed, (tmp_path / "attachments").exists()) == (2, False)


async def test_what_somebody_wrote_stays(tmp_path: Path) -> None:
    await update(tmp_path, Files(FIRST))
    (tmp_path / "memos/mine.md").write_text("mine")
    (tmp_path / "memos/1.md").write_text("edited")
    (tmp_path / "memos/2.md").write_text("edited, then gone")
    report = await update(tmp_path, Files({"memos/1.md": b"changed", "memos.json": b"{}"}))
    found = there(tmp_path)
    [aside] = [path for path in found if "(changed" in path]
    assert found == {
        "memos/mine.md": "mine",
        "memos/1.md": "changed",
        "memos/2.md": "edited, then gone",
        "memos.json": "{}",
        aside: "edited",
    }
    assert sorted(report.kept) == sorted(["memos/2.md", aside])
    assert (await update(tmp_path, Files({"memos/1.md": b"changed", "memos.json": b"{}"}))).kept == []


async def test_a_run_that_fails_leaves_whole_files_and_the_next_goes_on(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        await update(tmp_path, Files(FIRST, fails_at="memos/2.md"))
    assert there(tmp_path) == {"attachments/a.png": "picture", "memos/1.md": "one"}
    report = await update(tmp_path, Files(FIRST))
    assert (report.kept, there(tmp_path)) == ([], TEXTS)
    with pytest.raises(StorageError):
        await update(tmp_path, Files({**FIRST, "memos/1.md": b"newer"}, fails_at="memos/1.md"))
    assert there(tmp_path) == TEXTS


async def test_a_folder_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    Mirror(tmp_path, "u1")
    (tmp_path / "letter.txt").touch()
    with pytest.raises(ConfigurationError, match="no export of AIMO"):
        Mirror(tmp_path, "u1")
    mirrored = tmp_path / "mirrored"
    await update(mirrored, Files(FIRST))
    with pytest.raises(ConfigurationError, match="another user"):
        Mirror(mirrored, "u2")
    (mirrored / STATE).write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Mirror(mirrored, "u1")


@pytest.mark.parametrize("state", ['{"format":1,"uid":"u1","files":{"../out.txt":{"sha256":"","size":3,"mtime":0}}}'])
async def test_nothing_outside_of_the_folder_is_touched(tmp_path: Path, state: str) -> None:
    folder, outside = tmp_path / "vault", tmp_path / "out.txt"
    outside.write_text("out")
    await update(folder, Files({}))
    (folder / "memos").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="leads out of"):
        await update(folder, Files(FIRST))
    (folder / "memos").unlink()
    (folder / STATE).write_text(state)
    with pytest.raises(ConfigurationError, match="leads out of"):
        await update(folder, Files({"memos.json": b"{}"}))
    assert outside.read_text() == "out"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.txt", "vault"]
