"""A backup appears under its name when it is whole, in place of nothing, and for nobody else (docs/backup.md)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from tests.support.backups import aimo
from tests.support.limited_disk import SmallDisk

from aimo import log
from aimo.cli import backup as command
from aimo.errors import ConfigurationError
from aimo.services.backup.export import Backup
from aimo.services.backup.format import FORMAT, DamagedArchiveError, Header
from aimo.services.backup.reader import Reader
from aimo.services.backup.restore import Restore
from aimo.services.backup.writer import Writer
from aimo.storage.protocol import StorageError
from aimo.vectors.errors import VectorStoreError

HEADER = Header(format=FORMAT, aimo="1", schema="0001", created_at=0, database="sqlite", model="m", dimension=1)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["with links", "without links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems that know hard links, and those that do not."""

    def refused(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "without links":
        monkeypatch.setattr(Path, "hardlink_to", refused)


@pytest.mark.usefixtures("links")
def test_of_two_backups_to_one_name_the_first_is_whole_and_the_second_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar.gz"
    with Writer(target, HEADER) as first, Writer(target, HEADER) as second:
        for writer in (first, second):
            writer.rows("vectors/embedding_cache", [])
        first.finish()
        whole = target.read_bytes()
        with pytest.raises(ConfigurationError, match="exists already"):
            second.finish()
    assert target.read_bytes() == whole
    assert Reader(target).verify(older=True).rows == {"vectors/embedding_cache": 0}
    assert names_in(tmp_path) == ["backup.tar.gz"]


@pytest.mark.usefixtures("links")
def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "backup.tar.gz"
    with Writer(target, HEADER) as writer:
        target.write_text("somebody else's")
        with pytest.raises(ConfigurationError, match="exists already"):
            writer.finish()
    assert target.read_text() == "somebody else's"
    assert names_in(tmp_path) == ["backup.tar.gz"]


def test_another_file_that_is_called_partial_stays(tmp_path: Path) -> None:
    foreign = tmp_path / "backup.tar.gz.partial"
    foreign.write_text("somebody else's")
    with Writer(tmp_path / "backup.tar.gz", HEADER) as writer:
        writer.finish()
    assert foreign.read_text() == "somebody else's"


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_a_backup_is_private_from_its_creation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with Writer(tmp_path / "backup.tar.gz", HEADER) as writer:
        assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]
        writer.finish()


def test_a_backup_into_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        command.backup(tmp_path / "missing" / "backup.tar.gz")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        StorageError("the bucket is away"),
        VectorStoreError("the table is away"),
        DamagedArchiveError("the stored file changed"),
        OperationalError("SELECT secrets", {}, Exception("the database is away")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_fails_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "configure", lambda _: None)
    monkeypatch.setattr(Backup, "write", failing)
    monkeypatch.setattr(Restore, "read", failing)
    (tmp_path / "old.tar.gz").touch()
    with pytest.raises(ConfigurationError, match=r"^The backup failed: .*(away|changed|Input/output error)\.$"):
        command.backup(tmp_path / "new.tar.gz")
    with pytest.raises(ConfigurationError, match=r"^Restoring failed: .*(away|changed|Input/output error)\.$"):
        command.restore(tmp_path / "old.tar.gz")


def test_on_a_full_disk_the_command_says_so_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", 1) as disk:
        disk.fill()
        before = names_in(disk.folder)
        settings = {"AIMO_DATA_DIR": str(tmp_path / "data")}
        refused = aimo(settings, tmp_path / "home", "backup", str(disk.folder / "backup.tar.gz"))
        assert refused.returncode == 1
        assert "aimo: The backup failed: [Errno 28] No space left on device" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert names_in(disk.folder) == before
