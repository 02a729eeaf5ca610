"""Migrating makes the schema that the models describe, whatever happens on the way."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from tests.support.mariadb import MariaDB
from tests.support.schema_facts import schema_facts
from tests.support.server import AIMO, environment

import aimo
from aimo.config import Settings
from aimo.db import migrate as migrations
from aimo.db.connection import Database
from aimo.db.schema import Model
from aimo.errors import ConfigurationError

MakeSettings = Callable[..., Settings]

NOTE = text("SELECT version_num FROM alembic_version")
SET_NOTE = text("UPDATE alembic_version SET version_num = :revision")
REVISIONS = migrations.known_revisions()


@pytest.fixture
async def empty(database: dict[str, str], settings: MakeSettings) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**database))
    yield opened
    await opened.close()


async def facts(database: Database) -> dict[str, set[tuple[object, ...]]]:
    async with database.engine.connect() as connection:
        return await connection.run_sync(schema_facts)


async def differences(database: Database) -> list[object]:
    """What Alembic would still change to reach the models."""

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts=migrations.configure_options(connection))
        return list(compare_metadata(context, Model.metadata))

    async with database.engine.connect() as connection:
        return await connection.run_sync(compare)


async def run(database: Database, sql: str) -> None:
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(sql)


async def upgrade(database: Database, revision: str) -> None:
    async with database.engine.connect() as connection:
        await connection.run_sync(lambda sync: command.upgrade(migrations._config(sync), revision))


async def note(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        return list(await connection.scalars(NOTE))


def test_revisions_are_the_ones_that_alembic_would_run() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent / "migrations"))
    assert [script.revision for script in reversed(list(scripts.walk_revisions()))] == REVISIONS


def test_revisions_are_numbered_one_after_the_other() -> None:
    assert [f"{number:04d}" for number in range(42, 42 + len(REVISIONS))] == REVISIONS


async def test_migrated_schema_is_the_one_of_the_models(
    empty: Database, mariadb: MariaDB, settings: MakeSettings, tmp_path: Path
) -> None:
    assert await migrations.migrate(empty) == REVISIONS
    assert await differences(empty) == []

    other = {} if empty.is_sqlite else mariadb.create_database()
    modelled = await Database.open(settings(**other, aimo_data_dir=tmp_path / "models"))
    async with modelled.engine.connect() as connection:
        await connection.run_sync(Model.metadata.create_all)
    expected, found = await facts(modelled), await facts(empty)
    await modelled.close()
    for what, rows in expected.items():
        assert found[what] == rows, what
    assert len(found["columns"]) > 100
    if not empty.is_sqlite:
        assert {row[1:3] for row in found["tables"]} == {("InnoDB", "utf8mb4_bin")}


async def test_migrating_again_does_nothing(empty: Database) -> None:
    await migrations.migrate(empty)
    before = await facts(empty)
    assert await migrations.migrate(empty) == []
    assert await facts(empty) == before
    assert await note(empty) == [REVISIONS[-1]]


async def test_dying_between_a_step_and_its_note_harms_no_revision(empty: Database) -> None:
    """MySQL commits each DDL statement by itself: the step is done, and nobody has written it down."""
    before = "base"
    for revision in REVISIONS:
        await upgrade(empty, revision)
        once = await facts(empty)
        async with empty.engine.connect() as connection:
            forget = text("DELETE FROM alembic_version") if before == "base" else SET_NOTE
            await connection.execute(forget, {"revision": before} if before != "base" else {})
        await upgrade(empty, revision)
        assert await facts(empty) == once
        before = revision
    assert await differences(empty) == []


# A process that migrates when it is told to.
MIGRATOR = """
import asyncio
from aimo import config
from aimo.db.connection import Database
from aimo.db.migrate import migrate

async def main():
    database = await Database.open(config.load())
    print("ready", flush=True)
    input()
    await migrate(database)
    await database.close()

asyncio.run(main())
"""


@contextmanager
def migrators(number: int, chosen: Mapping[str, str], tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have connected, have been told to migrate, and are at it."""
    processes = [start([sys.executable, "-c", MIGRATOR], chosen, tmp_path) for _ in range(number)]
    try:
        for process in processes:
            assert process.stdout
            while (line := process.stdout.readline()) and line != "ready\n":
                pass
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


async def test_killed_migrations_are_finished_by_the_next(
    empty: Database, database: dict[str, str], tmp_path: Path
) -> None:
    reached = []
    for _ in range(3):
        with migrators(1, database, tmp_path) as [process]:
            await asyncio.sleep(0.1)
            process.kill()
            process.wait()
        reached.append(len(REVISIONS) - len(await migrations.pending(empty)))
    await migrations.migrate(empty)
    assert await differences(empty) == [], f"killed at {reached}"
    assert await note(empty) == [REVISIONS[-1]]


async def test_processes_that_migrate_at_once_make_one_schema(
    empty: Database, database: dict[str, str], tmp_path: Path
) -> None:
    with migrators(3, database, tmp_path) as processes:
        outcomes = [finish(process) for process in processes]
    assert [code for code, _, _ in outcomes] == [0, 0, 0], outcomes
    assert await note(empty) == [REVISIONS[-1]]
    assert await differences(empty) == []


async def test_the_version_table_has_one_row_at_most(empty: Database) -> None:
    """One who thought the database empty cannot add a revision to the one it is at."""
    await migrations.migrate(empty)
    with pytest.raises(Exception, match=r"(?i)duplicate|unique"):
        await run(empty, "INSERT INTO alembic_version (version_num) VALUES ('0001')")
    assert await note(empty) == [REVISIONS[-1]]


async def test_a_database_of_a_newer_release_is_left_alone(empty: Database, settings: MakeSettings) -> None:
    await migrations.migrate(empty)
    async with empty.engine.connect() as connection:
        await connection.execute(SET_NOTE, {"revision": "9999"})
    before = await facts(empty)
    for attempt in (migrations.migrate(empty), migrations.prepare(empty, settings(auto_migrate=False))):
        with pytest.raises(ConfigurationError, match=rf"9999.*newest is {REVISIONS[-1]}.*newer AIMO.*restore a backup"):
            await attempt
    assert await facts(empty) == before


async def test_without_auto_migrate_the_server_refuses_to_start(empty: Database, settings: MakeSettings) -> None:
    chosen = settings(auto_migrate="false")
    with pytest.raises(ConfigurationError, match=f"lacks {len(REVISIONS)} schema migrations.*run `aimo migrate`"):
        await migrations.prepare(empty, chosen)
    await upgrade(empty, REVISIONS[-2])
    with pytest.raises(ConfigurationError, match=r"lacks 1 schema migrations.*AUTO_MIGRATE is false"):
        await migrations.prepare(empty, chosen)
    await migrations.migrate(empty)
    await migrations.prepare(empty, chosen)


async def test_a_revision_that_the_database_refuses_is_named(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_WAIT_SECONDS", 0.01)
    name = mysql_database["MYSQL_USER"]
    mariadb.execute(f"REVOKE CREATE ON `{name}`.* FROM `{name}`@'%%'")
    database = await Database.open(settings(**mysql_database))
    with pytest.raises(ConfigurationError, match="migration 0042 failed: MYSQL_USER needs all privileges"):
        await migrations.migrate(database)
    await database.close()


def start(arguments: list[str], chosen: Mapping[str, str], tmp_path: Path) -> subprocess.Popen[str]:
    """A process with these settings and the data folder that the `settings` fixture uses."""
    return subprocess.Popen(
        arguments,
        env=environment({"AIMO_DATA_DIR": str(tmp_path / "data"), **chosen}),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


async def test_the_command_migrates_and_says_so(empty: Database, database: dict[str, str], tmp_path: Path) -> None:
    code, out, err = finish(start([str(AIMO), "migrate"], database, tmp_path))
    assert (code, out.strip()) == (0, f"{len(REVISIONS)} migrations ran."), err
    assert "warning" not in err.lower(), "a fresh schema is nothing to warn about"
    assert await differences(empty) == []


async def test_the_command_refuses_a_newer_database_in_one_line(tmp_path: Path, settings: MakeSettings) -> None:
    database = await Database.open(settings())
    await migrations.migrate(database)
    async with database.engine.connect() as connection:
        await connection.execute(SET_NOTE, {"revision": "9999"})
    await database.close()
    code, _, err = finish(start([str(AIMO), "migrate"], {}, tmp_path))
    assert code == 1
    assert "aimo: The database is at schema revision 9999" in err
    assert "Traceback" not in err


@pytest.fixture
def copied_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of migrations, used instead of it, so that revisions may be added."""
    copy = tmp_path / "migrations"
    shutil.copytree(migrations._FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrations, "_FOLDER", copy)
    return copy


async def test_a_new_revision_holds_what_the_models_have_and_the_database_lacks(
    empty: Database, copied_migrations: Path
) -> None:
    with pytest.raises(ConfigurationError, match="run `aimo migrate` first"):
        await migrations.new_revision(empty, "too early")
    await migrations.migrate(empty)
    expected = await facts(empty)
    await run(empty, "ALTER TABLE attachments DROP COLUMN multimodal_model_hash")
    await run(empty, "DROP INDEX ix_tags_uid_seq" + ("" if empty.is_sqlite else " ON tags"))
    await run(empty, "DROP TABLE leases")

    made = await migrations.new_revision(empty, "Give back what was lost!")
    number = f"{int(REVISIONS[-1]) + 1:04d}"
    assert made == copied_migrations / f"versions/{number}_give_back_what_was_lost.py"
    assert "types.Millis()" in made.read_text()

    assert await migrations.migrate(empty) == [number]
    assert await differences(empty) == []
    assert await facts(empty) == expected


async def test_the_command_writes_a_new_revision_into_the_folder_of_migrations(
    tmp_path: Path, settings: MakeSettings
) -> None:
    """Run on a copy of the package."""
    database = await Database.open(settings())
    await migrations.migrate(database)
    await database.close()
    shutil.copytree(Path(aimo.__file__).parent, tmp_path / "aimo", ignore=shutil.ignore_patterns("__pycache__"))
    of_copy = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command_line = [sys.executable, "-m", "aimo.cli.main", "migrate"]
    code, out, err = finish(start([*command_line, "--new", "nothing yet"], of_copy, tmp_path))
    assert code == 0, err
    [made] = (tmp_path / "aimo/db/migrations/versions").glob("*_nothing_yet.py")
    assert made.name in out.replace("\n", "")
    assert "review" in out


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    """A folder with database clients that print what they were started with."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("mysql", "sqlite3"):
        program = folder / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@" "password=$MYSQL_PWD"\n')
        program.chmod(0o755)
    return folder


def test_the_shell_command_opens_a_client_and_hides_the_password(clients: Path, tmp_path: Path) -> None:
    chosen = {
        "MYSQL_HOST": "localhost",
        "MYSQL_PORT": "3307",
        "MYSQL_USER": "alice",
        "MYSQL_PASSWORD": "s3cret",
        "MYSQL_DATABASE": "memos",
        "PATH": str(clients),
    }
    expected = ["--protocol=TCP", "-h", "localhost", "-P", "3307", "-u", "alice", "memos", "password=s3cret"]
    code, out, err = finish(start([str(AIMO), "db", "shell"], chosen, tmp_path))
    assert code == 0, err
    assert out.splitlines() == [str(clients / "mysql"), *expected]


def test_the_shell_command_opens_the_embedded_database(clients: Path, tmp_path: Path) -> None:
    code, out, err = finish(start([str(AIMO), "db", "shell"], {"PATH": str(clients)}, tmp_path))
    assert code == 0, err
    assert out.splitlines()[:2] == [str(clients / "sqlite3"), str(tmp_path / "data/aimo.db")]
