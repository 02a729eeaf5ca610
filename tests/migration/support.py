"""Unpacks real old databases, runs the command on them, and reads what came of it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lancedb
from tests.support.mariadb import MariaDB

from aimo.cli.migration_run import migrate_source
from aimo.config import Settings
from aimo.legacy.plan.options import Options
from aimo.legacy.report import MigrationReport
from aimo.vectors.fence import FENCE_ID

MakeSettings = Callable[..., Settings]

DATABASES = Path(__file__).parent / "databases"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "migration-report.schema.json").read_text(encoding="utf-8"))
DIMENSIONS = {"small": 384, "old-schema": 1536, "old-tags": 1536, "upgraded": 1536}


@dataclass(frozen=True)
class OldDatabase:
    """An unpacked database of the old server, and what is known of it."""

    name: str
    folder: Path

    @property
    def lancedb(self) -> Path:
        return self.folder / "lancedb"

    @property
    def attachments(self) -> Path:
        return self.folder / "attachments"

    @property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((DATABASES / f"{self.name}.json").read_text(encoding="utf-8"))
        return found
        return found

    @property
    def dimensions(self) -> int:
        return DIMENSIONS[self.name]

    def fingerprint(self) -> str:
        return fingerprint(self.folder)


def fingerprint(folder: Path) -> str:
    """Changes with every file that is written, added or removed below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        state = path.stat()
        digest.update(f"{path.relative_to(folder)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def unpack(name: str, folder: Path) -> OldDatabase:
    with tarfile.open(DATABASES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return OldDatabase(name, folder / name)


def load_dump(mariadb: MariaDB, folder: Path, *, in_utc: bool = True) -> dict[str, str]:
    """Load the rows of release 0.9.5 into a database of its own; else with its times as they are written."""
    database = mariadb.create_database()
    statements = (folder / "mysql.sql").read_text(encoding="utf-8")
    if not in_utc:
        statements = statements.replace("SET TIME_ZONE='+00:00'", "SET TIME_ZONE=DEFAULT")
    mariadb.run_script(statements, database=database["MYSQL_DATABASE"])
    return database


def address_of(database: Mapping[str, str], user: str = "") -> str:
    """The address of a source, without its password."""
    place = f"{database['MYSQL_HOST']}:{database['MYSQL_PORT']}/{database['MYSQL_DATABASE']}"
    return f"mysql://{user or database['MYSQL_USER']}@{place}"


def settings_for(data: Path, database: Mapping[str, str], dimensions: int) -> dict[str, str]:
    """An installation that has the embedding model of the old databases; nothing calls it."""
    return {
        "AIMO_DATA_DIR": str(data),
        "OPENAI_API_KEY": "unused",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_EMBEDDING_DIMENSIONS": str(dimensions),
        **database,
    }


async def move(settings: Settings, source: Path | str, **options: Any) -> MigrationReport:
    """What the command does, without the seconds that its imports take."""
    return await migrate_source(settings, Options(source=str(source), **options))


def table(report: MigrationReport, name: str) -> dict[str, Any]:
    """What became of the rows of a table."""
    return next(entry for entry in report.content["tables"] if entry["table"] == name)


def lance(report: MigrationReport, name: str) -> dict[str, Any]:
    """What became of the rows of a table of LanceDB."""
    return next(entry for entry in report.content["lance"] if entry["table"] == name)


def reasons(report: MigrationReport) -> dict[str, str]:
    """Why rows are in quarantine, by their keys."""
    return {row["key"]: row["reason"] for row in report.content["quarantine"]}


def assert_accounted(report: MigrationReport, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Each row of the source has met exactly one end."""
    assert report.content["problems"] == []
    for entry in report.content["tables"]:
        ends = sum(entry[end] for end in ("migrated", "normalised", "updated", "present", "merged", "quarantined"))
        assert ends == entry["source_rows"] == len(rows[entry["table"]]), entry["table"]
    for entry in report.content["lance"]:
        assert entry["rows"] == sum(entry[code] for code in ("copied", "marked", "left_out", "there"))


def lance_rows(folder: Path | str, name: str) -> list[dict[str, Any]]:
    """Return the rows of a LanceDB table, but not its fence row, which tells which process wrote last."""
    rows: list[dict[str, Any]] = lancedb.connect(folder).open_table(name).to_arrow().to_pylist()
    return [row for row in rows if FENCE_ID not in row.values()]
