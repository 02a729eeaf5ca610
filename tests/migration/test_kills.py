"""Killed at any moment and run again, a migration ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import lancedb
import pytest
from tests.support.mariadb import MariaDB
from tests.support.processes import Process
from tests.support.server import AIMO, environment
from tests.support.waiting import eventually

from .source_builder import DIMENSION, plain_rows, write
from .support import MakeSettings, address_of, load_dump, move, settings_for, unpack

# What differs between two runs by nature: ids and times of the runs themselves.
OWN = ("migration_runs", "migration_checkpoints", "leases", "alembic_version")


def distinct(table: str, rows: Iterable[str]) -> Iterable[str]:
    """Count once what each run writes: one whose process died with its copy of the source is given up.

    Its list of what it put aside stays, and entries of the outbox that say the same twice do no harm.
    """
    return set(rows) if table in ("migration_quarantine", "outbox_entries") else rows


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
        rows = sorted(distinct(table, map(repr, found)))
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
            rows = sorted(distinct(table, map(repr, found)))
            hashes[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return hashes | lancedb_state(data)


def quoted(name: str) -> str:
    return f'"{name}"'


def lancedb_state(data: Path) -> dict[str, str]:
    hashes = {}
    store = lancedb.connect(data / "lancedb")
    for table in store.list_tables(limit=100).tables:
        rows = sorted(map(repr, store.open_table(table).to_arrow().to_pylist()))
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
        shutil.rmtree(data)


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
