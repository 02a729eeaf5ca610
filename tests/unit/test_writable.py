"""Before a server starts, everything that will be written is tried; what is refused is one line that mends it.

Becoming another user, and mounting file systems, takes root, as in containers.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.limited_disk import SmallDisk

from aimo import clock, config
from aimo.errors import ConfigurationError
from aimo.exclusive_name import give_name
from aimo.signing_secret import signing_secret
from aimo.writable import refusal, require_writable

USER = 12345


@contextmanager
def as_user() -> Iterator[None]:
    os.setegid(USER)
    os.seteuid(USER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of another user, in a place where every user can get at it."""
    folder = Path(tempfile.mkdtemp(prefix="aimo-home-", dir="/tmp"))
    os.chown(folder, USER, USER)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def settings(home: Path, **more: Any) -> config.Settings:
    return config.load(_env_file=None, aimo_data_dir=home / "data", aimo_log_dir=home / "logs", **more)


def refused(chosen: config.Settings) -> str:
    with as_user(), pytest.raises(ConfigurationError) as found:
        require_writable(chosen)
    text = str(found.value)
    assert "\n" not in text
    return text


def run_what_it_says(text: str) -> None:
    command = text.partition("`")[2].partition("`")[0]
    subprocess.run(command, shell=True, check=True)


@pytest.fixture
def installed(home: Path) -> config.Settings:
    """The settings of an installation that was in use, all of it of its own user."""
    chosen = settings(home)
    with as_user():
        for folder in ("lancedb/memo_vectors.lance/_versions", "attachments/u1/2026-01-31", "attachments/.incoming"):
            (home / "data" / folder).mkdir(parents=True)
        today = clock.local_day(chosen.zone)
        (home / "logs").mkdir()
        for file in (
            "data/aimo.db",
            "data/aimo.db-wal",
            "data/aimo.db-shm",
            "data/jwt_secret",
            "data/lancedb/.creating",
            "data/lancedb/memo_vectors.lance/_versions/1.manifest",
            "data/attachments/u1/2026-01-31/a.png",
            f"logs/{today}.log",
            f"logs/audit-{today}.log",
        ):
            (home / file).write_text("x")
        assert require_writable(chosen) == []
    return chosen


NAMES = [
    "data",
    "data/aimo.db",
    "data/aimo.db-wal",
    "data/aimo.db-shm",
    "data/jwt_secret",
    "data/lancedb",
    "data/lancedb/.creating",
    "data/lancedb/memo_vectors.lance",
    "data/lancedb/memo_vectors.lance/_versions",
    "data/lancedb/memo_vectors.lance/_versions/1.manifest",
    "data/attachments",
    "data/attachments/.incoming",
    "data/attachments/u1/2026-01-31",
    "data/attachments/u1/2026-01-31/a.png",
    "logs",
    "logs/{today}.log",
    "logs/audit-{today}.log",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_another_user_is_named_with_its_owner_and_the_command(
    home: Path, installed: config.Settings, name: str
) -> None:
    path = home / name.format(today=clock.local_day(installed.zone))
    os.chown(path, 0, 0)
    path.chmod(0o700 if path.is_dir() else 0o600)
    text = refused(installed)
    assert f"{path}: " in text
    assert "root (uid 0), mode 0" in text
    assert f"`chown -R {USER}:{USER} {path}`" in text
    run_what_it_says(text)
    with as_user():
        assert require_writable(installed) == []


def test_what_can_be_read_by_all_need_not_be_owned_where_it_is_only_read(
    home: Path, installed: config.Settings
) -> None:
    for name in ("data/lancedb/memo_vectors.lance/_versions/1.manifest", "data/attachments/u1/2026-01-31/a.png"):
        os.chown(home / name, 0, 0)
        (home / name).chmod(0o644)
    with as_user():
        assert require_writable(installed) == []


def test_own_folders_without_rights_get_them_back(home: Path, installed: config.Settings) -> None:
    (home / "data/lancedb").chmod(0o500)
    text = refused(installed)
    assert "`chmod -R u+rwX " in text
    run_what_it_says(text)
    with as_user():
        assert require_writable(installed) == []


@pytest.mark.parametrize("name", ["data", "data/lancedb", "data/attachments", "logs"])
def test_a_file_where_a_folder_should_be_is_moved_away(home: Path, name: str) -> None:
    (home / name).parent.mkdir(exist_ok=True)
    os.chown((home / name).parent, USER, USER)
    (home / name).touch()
    text = refused(settings(home))
    assert f"{home / name} is a file where a folder should be (owner of " in text
    run_what_it_says(text)
    with as_user():
        assert require_writable(settings(home)) == []


@pytest.mark.parametrize("name", ["data/aimo.db", "data/jwt_secret", "data/lancedb/.creating", "logs/{today}.log"])
def test_a_folder_where_a_file_should_be_is_moved_away(home: Path, installed: config.Settings, name: str) -> None:
    path = home / name.format(today=clock.local_day(installed.zone))
    path.unlink()
    path.mkdir()
    os.chown(path, USER, USER)
    text = refused(installed)
    assert f"{path} is a folder where a file should be (owner of {path}: uid {USER}, mode " in text
    run_what_it_says(text)
    with as_user():
        assert require_writable(installed) == []


def test_missing_parents_are_created_or_the_command_that_creates_them_is_told(home: Path) -> None:
    chosen = settings(home, attachment_local_path=home / "a/b/c")
    with as_user():
        assert require_writable(chosen) == []
    assert (home / "a/b/c").stat().st_mode & 0o777 == 0o700
    closed = home / "closed"
    closed.mkdir(mode=0o755)
    chosen = settings(home, lancedb_path=closed / "disk/vectors")
    text = refused(chosen)
    assert f"LANCEDB_PATH: {closed}/disk/vectors: it does not exist" in text
    assert f"owner of {closed}: root (uid 0), mode 0755" in text
    run_what_it_says(text)
    with as_user():
        assert require_writable(chosen) == []


def test_a_folder_above_that_may_not_be_entered_is_named(home: Path) -> None:
    closed = home / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    text = refused(settings(home, lancedb_path=closed / "inner/vectors"))
    assert f"{closed} may not be entered" in text
    assert f"`chmod a+x {closed}`" in text


def test_a_link_that_leads_nowhere_is_named(home: Path) -> None:
    (home / "data").symlink_to(home / "unmounted" / "aimo")
    text = refused(settings(home))
    assert f"{home}/data is a link to {home}/unmounted/aimo, which does not exist, where a folder should be" in text


def test_a_read_only_mount_is_told_with_the_command_that_ends_it(home: Path) -> None:
    with SmallDisk(home / "disk", 1) as disk:
        chosen = settings(home, attachment_local_path=disk.folder / "files")
        subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=True)
        text = refused(chosen)
        assert f"{disk.folder}/files: its file system is mounted read-only (owner of {disk.folder}: root" in text
        assert f"`mount -o remount,rw {disk.folder}`" in text
        run_what_it_says(text)
        with as_user():
            assert require_writable(chosen) == []


def test_a_full_disk_stops_only_what_cannot_do_without_space(home: Path) -> None:
    with SmallDisk(home / "disk", 1) as disk:
        chosen = settings(home, attachment_local_path=disk.folder / "files")
        with as_user():
            assert require_writable(chosen) == []
        disk.fill()
        with as_user():
            [warning] = require_writable(chosen)
        assert f"{disk.folder}/files: its disk is full" in warning
        assert f"`df -h {disk.folder}/files`" in warning
        (disk.folder / "data").mkdir()
        os.chown(disk.folder / "data", USER, USER)
        text = refused(settings(home).model_copy(update={"aimo_data_dir": disk.folder / "data"}))
        assert f"AIMO_DATA_DIR: {disk.folder}/data: its disk is full (owner of " in text


def test_nothing_of_the_check_stays(home: Path, installed: config.Settings) -> None:
    before = sorted(home.rglob("*"))
    with as_user():
        require_writable(installed)
    assert sorted(home.rglob("*")) == before


def test_only_rows_and_logs_matter_for_a_migration_of_the_schema(home: Path, installed: config.Settings) -> None:
    os.chown(home / "data/lancedb", 0, 0)
    (home / "data/lancedb").chmod(0o700)
    with as_user():
        assert require_writable(installed, rows_only=True) == []


@pytest.fixture(params=[errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EINVAL])
def without_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Hard links fail, as file systems without them say it in their ways."""

    def refuse(path: Path, target: Path) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    return int(request.param)


def test_a_file_system_without_hard_links_is_told_as_what_lancedb_needs(tmp_path: Path, without_links: int) -> None:
    with pytest.raises(ConfigurationError) as found:
        require_writable(settings(tmp_path))
    text = str(found.value)
    assert text.startswith(f"{tmp_path}/data/lancedb: its file system has no hard links ({os.strerror(without_links)}")
    assert "LANCEDB_PATH" in text
    assert list((tmp_path / "data/lancedb").iterdir()) == []
    assert require_writable(settings(tmp_path, lancedb_storage_type="s3")) == []


def test_a_key_is_kept_without_hard_links(tmp_path: Path, without_links: int) -> None:
    first = signing_secret(settings(tmp_path, jwt_secret=""))
    assert first == signing_secret(settings(tmp_path, jwt_secret=""))
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["jwt_secret"]


@pytest.mark.usefixtures("without_links")
def test_a_name_is_never_taken_from_another_file(tmp_path: Path) -> None:
    finished, target = tmp_path / "finished", tmp_path / "target"
    finished.write_text("new")
    target.write_text("old")
    with pytest.raises(FileExistsError):
        give_name(finished, target)
    assert (finished.read_text(), target.read_text()) == ("new", "old")
    target.unlink()
    give_name(finished, target)
    assert target.read_text() == "new"


def test_an_empty_key_is_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimo.signing_secret._ATTEMPTS", 2)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/jwt_secret").touch()
    with pytest.raises(ConfigurationError, match=r"jwt_secret is empty: remove it, `rm "):
        signing_secret(settings(tmp_path, jwt_secret=""))


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENAMETOOLONG, errno.EDQUOT, errno.EPERM])
def test_every_reason_of_the_system_becomes_one_line_with_the_owner(
    tmp_path: Path, number: int, settings: Callable[..., config.Settings]
) -> None:
    text = refusal(tmp_path, OSError(number, os.strerror(number)))
    assert text.startswith(f"{tmp_path}: ")
    assert f"owner of {tmp_path}: " in text
    assert "`" in text
    assert "\n" not in text


def test_a_device_in_place_of_a_folder_is_not_to_be_moved_away() -> None:
    text = refusal(Path("/dev/null"), NotADirectoryError(errno.ENOTDIR, "Not a directory"))
    assert text == "/dev/null: /dev/null is a device where a folder should be: choose another path"
