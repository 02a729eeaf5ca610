"""What a server leaves on the disk is for its own user alone, from the first moment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.backups import PICTURE, aimo
from tests.support.server import Server

PRODUCTION = {"NODE_ENV": "production", "JWT_SECRET": "0123456789abcdef0123456789abcdef", "EMBEDDER": "local"}


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """The umask of most shells and services, under which new files are readable for everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    paths = [folder, *folder.rglob("*")]
    return [str(path) for path in paths if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def test_everything_a_fresh_server_makes_is_for_its_user_alone(server: Any, tmp_path: Path, usual_umask: None) -> None:
    logs = tmp_path / "fresh" / "logs"
    running: Server = server(AIMO_LOG_DIR=str(logs), WORKERS="2")
    client = running.user()
    client.post("/attachments/upload", files={"file": ("a.png", PICTURE, "image/png")}).data  # noqa: B018
    client.post("/memos", {"content": "only for me"}).data  # noqa: B018
    names = {path.name for path in running.data_dir.iterdir()}
    assert {"aimo.db", "lancedb", "attachments", "jwt_secret"} <= names
    assert list(logs.glob("audit-*.log"))
    assert open_to_others(running.data_dir) == []
    assert open_to_others(tmp_path / "fresh") == []


def test_production_refuses_open_data_until_the_command_that_it_tells_was_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    # As release 1.0.0 left it beside MySQL, or in a container.
    (data / "lancedb").mkdir(parents=True)
    data.chmod(0o755)

    refused = aimo({**PRODUCTION, "AIMO_DATA_DIR": str(data)}, tmp_path, "serve")
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("aimo: ")]
    assert f"`chmod -R go-rwx {data}`" in line

    subprocess.run(line.split("`")[1], shell=True, check=True)
    assert open_to_others(data) == []
    # Past the folder it meets the next thing that is wrong, without having started.
    answer = aimo({**PRODUCTION, "AIMO_DATA_DIR": str(data), "OUTBOUND_ALLOW": "not a network/99"}, tmp_path, "serve")
    assert str(data) not in answer.stderr
    assert "OUTBOUND_ALLOW" in answer.stderr
