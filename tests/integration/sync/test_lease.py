"""One process at a time has the role: whoever lives keeps it, and whoever is dead is not waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.server import environment

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.services.sync.lease import LeaseRow

# Tries once, and dies without giving anything back. Its lease outlives the slowest test.
RIVAL = """
import asyncio, os
from aimo import config
from aimo.db.connection import Database
from aimo.services.sync.lease import LeaseRow

async def main():
    lease = LeaseRow(await Database.open(config.load(_env_file=None)), "role", seconds=60)
    await lease.start()
    print("taken" if lease.held else "left alone", flush=True)
    os._exit(0)

asyncio.run(main())
"""
_AS_ROOT = () if os.geteuid() == 0 else ("--map-root-user",)
# As in another container with the same host name.
ELSEWHERE = ("unshare", *_AS_ROOT, "--pid", "--fork", "--kill-child", "--mount-proc")


def rival(database: Mapping[str, str], folder: Path, *, within: Sequence[str] = ()) -> str:
    """What became of another process's attempt."""
    command = [*within, sys.executable, "-c", RIVAL]
    done = subprocess.run(
        command, env=environment(database), cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


async def test_a_lease_is_not_taken_from_a_holder_in_another_pid_namespace(
    migrated_database: dict[str, str], settings: Callable[..., Settings], tmp_path: Path
) -> None:
    database = await Database.open(settings(**migrated_database))
    here, again = LeaseRow(database, "role", seconds=60), LeaseRow(database, "role")
    try:
        await here.start()
        assert rival(migrated_database, tmp_path, within=ELSEWHERE) == "left alone"
        await here.stop()
        assert rival(migrated_database, tmp_path, within=ELSEWHERE) == "taken"
        await again.start()
        assert not again.held, "from here, a process over there cannot be seen to be dead"
    finally:
        await here.stop()
        await again.stop()
        await database.close()


async def test_the_lease_of_a_dead_process_is_taken_at_once(
    migrated_database: dict[str, str], settings: Callable[..., Settings], tmp_path: Path
) -> None:
    database = await Database.open(settings(**migrated_database))
    lease = LeaseRow(database, "role")
    try:
        assert rival(migrated_database, tmp_path) == "taken"
        await lease.start()
        assert lease.held
    finally:
        await lease.stop()
        await database.close()
