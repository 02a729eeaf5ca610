"""Killed at any moment and run again, a migration ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import lancedb
import pytest
from tests.support.mariadb import MariaDB
from tests.support.processes import Process
from tests.support.server import AIMO, environment
from tests.support.waiting import eventually

from aimo.legacy.copy.lance_stage import LanceStage
from aimo.legacy.copy.row_copier import RowCopier
from aimo.legacy.copy.row_stage import RowStage
from aimo.legacy.copy.runs import Runs
from aimo.legacy.report import MigrationReport
from aimo.legacy.source import snapshot_writer
from aimo.legacy.source.relational_source import RelationalOpener

from .source_builder import DIMENSION, plain_rows, write
from .support import MakeSettings, address_of, lance_rows, load_dump, move, settings_for, unpack

# What differs between two runs by nature: ids and times of the runs themselves.
OWN = ("migration_runs", "migration_checkpoints", "leases", "alembic_version")


def state(mariadb: MariaDB, database: Mapping[str, str], data: Path) -> dict[str, str]:
    """A hash of every table of both stores."""
    name = database["MYSQL_DATABASE"]
    hashes = {}
    for (table,) in mariadb.execute("SHOW TABLES", database=name):
        if table in OWN:
            continue
        columns = [row[0] for row in mariadb.execute(f"SHOW COLUMNS FROM `{table}`", database=name)]
        # Each encryption of the same key is another one.
        left = [c for c in columns if c not in ("run_id", "entry_id", "next_try_at", "api_key")]
        if table in ("outbox_entries", "migration_quarantine"):
            left.remove("created_at")
        found = mariadb.execute(f"SELECT {', '.join(f'`{c}`' for c in left)} FROM `{table}`", database=name)
        rows = sorted(map(repr, found))
        hashes[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return hashes | lancedb_state(data)


def sqlite_state(data: Path) -> dict[str, str]:
    """The same of an embedded database."""
    hashes = {}
    with sqlite3.connect(data / "aimo.db") as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table in OWN or table.startswith("sqlite_"):
                continue
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            left = [c for c in columns if c not in ("run_id", "entry_id", "next_try_at", "api_key")]
            if table in ("outbox_entries", "migration_quarantine"):
                left.remove("created_at")
            found = connection.execute(f"SELECT {', '.join(map(quoted, left))} FROM {table}")
            rows = sorted(map(repr, found))
            hashes[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return hashes | lancedb_state(data)


def quoted(name: str) -> str:
    return f'"{name}"'


def lancedb_state(data: Path) -> dict[str, str]:
    hashes = {}
    store = lancedb.connect(data / "lancedb")
    for table in store.list_tables(limit=100).tables:
        rows = sorted(map(repr, lance_rows(data / "lancedb", table)))
        hashes[f"lance:{table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return hashes


async def kill_and_resume(mariadb: MariaDB, folder: Path, settings: MakeSettings, *, memos: int, kills: int) -> None:
    rng = random.Random(kills)
    rows = plain_rows(rng, memos)
    for memo in rows["memos"][:: max(1, memos // 7)]:
        memo["embedding"] = [0.0] * DIMENSION
        memo["categoryId"] = "gone"
    for memo in rows["memos"][3 :: max(1, memos // 5)]:
        memo["uid"] = "nobody"
    write(folder / "old", rows)
    undisturbed = mariadb.create_database()
    installation = settings(**settings_for(folder / "undisturbed", undisturbed, DIMENSION))
    started = time.monotonic()
    assert (await move(installation, folder / "old")).exit_code == 3
    duration = time.monotonic() - started
    expected = state(mariadb, undisturbed, folder / "undisturbed")
    done = rounds = 0
    while done < kills:
        rounds += 1
        data = folder / f"killed-{rounds}"
        database = mariadb.create_database()
        values = settings_for(data, database, DIMENSION)
        killed = True
        while done < kills and killed:
            killed = await asyncio.to_thread(killed_after, values, folder, duration * rng.uniform(0, 0.4))
            done += killed
        last = await move(settings(**values), folder / "old")
        assert last.exit_code == 3, last.content["verification"]["mismatches"][:5]
        assert state(mariadb, database, data) == expected
        # LanceDB may still be writing down which version is the latest.
        shutil.rmtree(data, ignore_errors=True)


def killed_after(values: dict[str, str], folder: Path, seconds: float, *options: str) -> bool:
    """Run the command and kill it so long after it has begun to work; False when it was quicker."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    command = [str(AIMO), "migrate-data", *(options or ("--source", str(folder / "old")))]
    process = Process(command, log=log, env=environment(values), cwd=folder)
    try:
        eventually(lambda: not process.running or "lease taken" in log.read_text(), "it works", timeout=120)
        deadline = time.monotonic() + seconds
        while process.running and time.monotonic() < deadline:
            time.sleep(0.005)
        return process.running
    finally:
        process.kill()


async def test_killed_ten_times_it_ends_as_if_undisturbed(
    mariadb: MariaDB, tmp_path: Path, settings: MakeSettings
) -> None:
    await kill_and_resume(mariadb, tmp_path, settings, memos=1500, kills=10)


class Stop(BaseException):
    """The process was killed here."""


# Where a run is when it is killed: what it is about to call, and for which time.
MOMENTS: dict[str, tuple[Any, str, int]] = {
    "in the snapshot": (snapshot_writer, "_write_final", 4),
    "before the manifest has its name": (Path, "rename", 1),
    "before the first rows": (RowStage, "copy_all", 1),
    "between two tables": (RowCopier, "_write", 3),
    "between vectors and entries": (LanceStage, "_enqueue_memos_without_vectors", 1),
    "before its end": (Runs, "save", 1),
    "while its snapshots are removed": (RelationalOpener, "forget", 1),
}


@pytest.fixture
def from_mysql(mariadb: MariaDB, tmp_path: Path, settings: MakeSettings) -> Callable[[str], Awaitable[MigrationReport]]:
    """Move the database of release 0.9.5 into an embedded one of this name."""
    old = unpack("release-0.9.5", tmp_path)
    source = load_dump(mariadb, old.folder)
    common = {"AIMO_SOURCE_PASSWORD": source["MYSQL_PASSWORD"], "JWT_SECRET": "the secret of both servers"}

    async def move_into(name: str) -> MigrationReport:
        made = settings(**settings_for(tmp_path / name, {}, 384), **common)
        return await move(made, address_of(source), vectors=str(old.lancedb), source_zone="UTC")

    return move_into


async def stopped(monkeypatch: pytest.MonkeyPatch, moment: str, run: Awaitable[MigrationReport]) -> None:
    """Run until the moment comes."""
    place, name, left = MOMENTS[moment]
    real = getattr(place, name)

    def stop(*values: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            raise Stop
        return real(*values, **named)

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(place, name, stop)
        await run


def runs_of(data: Path) -> list[str]:
    with sqlite3.connect(data / "aimo.db") as connection:
        return [status for (status,) in connection.execute("SELECT status FROM migration_runs ORDER BY started_at")]


async def test_rows_from_mysql_end_the_same_wherever_it_is_stopped(
    from_mysql: Callable[[str], Awaitable[MigrationReport]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await from_mysql("undisturbed")).exit_code == 3
    snapshots = tmp_path / "killed" / "migration-snapshots"
    for moment in MOMENTS:
        await stopped(monkeypatch, moment, from_mysql("killed"))
        # What a snapshot left behind that never became one is gone with the next run.
        assert len(list(snapshots.glob("*/*"))) <= 2, moment
    last = await from_mysql("killed")
    assert (last.state, last.exit_code) == ("validated", 3), last.content["verification"]["mismatches"][:5]
    assert runs_of(tmp_path / "killed") == ["finished"]
    assert not list(snapshots.glob("*"))
    assert sqlite_state(tmp_path / "killed") == sqlite_state(tmp_path / "undisturbed")


async def test_a_run_that_is_given_up_leaves_nothing_twice(
    from_mysql: Callable[[str], Awaitable[MigrationReport]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stopped(monkeypatch, "before its end", from_mysql("killed"))
    with monkeypatch.context() as patched:
        patched.setattr(RelationalOpener, "_with", lambda *_: {})
        last = await from_mysql("killed")
    assert (last.state, last.exit_code) == ("validated", 3), last.content["verification"]["mismatches"][:5]
    assert "could not go on" in last.content["remarks"][0]
    assert runs_of(tmp_path / "killed") == ["failed", "finished"]
    with sqlite3.connect(tmp_path / "killed" / "aimo.db") as connection:
        kept = connection.execute("SELECT table_name, position FROM migration_quarantine").fetchall()
        entries = connection.execute("SELECT kind, entity_id FROM outbox_entries").fetchall()
    assert len(kept) == len(set(kept)) == len(last.content["quarantine"])
    assert entries and len(entries) == len(set(entries))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["mysql", "sqlite"])
async def test_rows_from_mysql_end_the_same_after_ten_kills(
    kind: str, mariadb: MariaDB, tmp_path: Path, settings: MakeSettings
) -> None:
    old = unpack("release-0.9.5", tmp_path)
    source = load_dump(mariadb, old.folder)
    options = ("--source", address_of(source), "--vectors", str(old.lancedb), "--source-zone", "UTC")
    states, rng = [], random.Random(5)
    for kills in (0, 10):
        database = mariadb.create_database() if kind == "mysql" else {}
        data = tmp_path / str(kills)
        values = settings_for(data, database, 384)
        values |= {"AIMO_SOURCE_PASSWORD": source["MYSQL_PASSWORD"], "JWT_SECRET": "the secret of both servers"}
        for _ in range(kills):
            await asyncio.to_thread(killed_after, values, tmp_path, rng.uniform(0, 1.5), *options)
        last = await move(settings(**values), address_of(source), vectors=str(old.lancedb), source_zone="UTC")
        assert (last.state, last.exit_code) == ("validated", 3), last.content["verification"]["mismatches"][:5]
        states.append(state(mariadb, database, data) if kind == "mysql" else sqlite_state(data))
    assert states[0] == states[1]


@pytest.mark.long
async def test_killed_two_hundred_times_with_twenty_thousand_memos(
    mariadb: MariaDB, tmp_path: Path, settings: MakeSettings
) -> None:
    await kill_and_resume(mariadb, tmp_path, settings, memos=20_000, kills=200)
