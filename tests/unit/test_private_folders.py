"""In production nothing starts on folders that other users of the machine can get at."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from aimo import config, private_folders
from aimo.errors import ConfigurationError
from aimo.private_folders import require_private


def made(path: Path, mode: int) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


def settings(data: Path, **more: Any) -> config.Settings:
    return config.load(_env_file=None, aimo_data_dir=data, node_env="production", **more)


def advised(chosen: config.Settings) -> str:
    with pytest.raises(ConfigurationError) as refused:
        require_private(chosen)
    text = str(refused.value)
    assert "\n" not in text
    command = text.partition("`")[2].rpartition("`")[0]
    assert command, text
    return command


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o704, 0o770, 0o701])
def test_an_open_data_folder_is_refused_with_the_command_that_closes_it(tmp_path: Path, mode: int) -> None:
    data = made(tmp_path / "it's my data", mode)
    (data / "aimo.db").touch(mode=0o644)
    command = advised(settings(data))
    assert shlex.split(command) == ["chmod", "-R", "go-rwx", str(data)]
    subprocess.run(command, shell=True, check=True)
    require_private(settings(data))
    assert (data / "aimo.db").stat().st_mode & 0o777 == 0o600


def test_files_that_are_open_inside_a_closed_folder_do_no_harm(tmp_path: Path) -> None:
    data = made(tmp_path / "data", 0o700)
    (data / "aimo.db").touch(mode=0o644)
    made(data / "lancedb", 0o755)
    require_private(settings(data))


@pytest.mark.parametrize("name", ["aimo_log_dir", "attachment_local_path", "lancedb_path"])
def test_folders_outside_the_data_folder_are_looked_at_too(tmp_path: Path, name: str) -> None:
    data, other = made(tmp_path / "data", 0o700), made(tmp_path / "other", 0o755)
    assert str(other) in advised(settings(data, **{name: other}))
    other.chmod(0o700)
    require_private(settings(data, **{name: other}))


def test_links_are_followed_to_what_they_lead_to(tmp_path: Path) -> None:
    data, far = made(tmp_path / "data", 0o700), made(tmp_path / "far", 0o755)
    (data / "lancedb").symlink_to(far)
    command = advised(settings(data))
    assert shlex.split(command)[-1] == str(far)
    subprocess.run(command, shell=True, check=True)
    require_private(settings(data))

    file = far / "elsewhere.db"
    file.touch()
    file.chmod(0o640)
    (data / "aimo.db").symlink_to(file)
    subprocess.run(advised(settings(data)), shell=True, check=True)
    require_private(settings(data))
    linked = tmp_path / "linked"
    linked.symlink_to(made(tmp_path / "real", 0o755))
    assert str(tmp_path / "real") in advised(settings(linked))


def test_the_group_s_rights_are_not_taken_from_who_needs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of root that the server reaches by its group must change its owner before it is closed."""
    data = made(tmp_path / "data", 0o770)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    monkeypatch.setattr(os, "getegid", lambda: 10002)
    assert advised(settings(data)) == f"chown -R 10001:10002 {data} && chmod -R go-rwx {data}"


def test_a_file_system_without_modes_must_be_mounted_for_one_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(tmp_path / "data", 0o777)
    monkeypatch.setattr(private_folders, "_keeps_modes", lambda folder: False)
    with pytest.raises(ConfigurationError, match=r"no modes: mount it with the options uid=\d+,gid=\d+,umask=077"):
        require_private(settings(data))


def test_what_is_not_there_yet_is_no_reason_to_refuse(tmp_path: Path) -> None:
    require_private(settings(tmp_path / "none", aimo_log_dir=tmp_path / "logs"))


def test_outside_production_an_open_folder_is_only_told(tmp_path: Path) -> None:
    data = made(tmp_path / "data", 0o755)
    with capture_logs() as lines:
        require_private(config.load(_env_file=None, aimo_data_dir=data))
    assert [line["log_level"] for line in lines] == ["warning"]
    assert f"chmod -R go-rwx {data}" in lines[0]["event"]
