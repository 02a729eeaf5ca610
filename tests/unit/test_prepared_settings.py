"""Every command that writes tries first, as the server does, what its settings name; a refusal is one line."""

from __future__ import annotations

import ast
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aimo import cli
from aimo.cli import attachments, backup, database, doctor, export, main, models, push, sync, token
from aimo.errors import ConfigurationError

# What opens nothing, checks by itself, or is a worker of a server that has checked.
OTHERS = {
    "asgi.create",
    "check.providers",
    "database.shell",
    "migrate_data.migrate_data",
    "openapi.openapi",
    "prepared_settings.prepared_settings",
    "push.channels",
}
COMMANDS: dict[str, Callable[[], object]] = {
    "attachments move": lambda: attachments.move(source="local", target="s3"),
    "attachments relabel": attachments.relabel,
    "backup": lambda: backup.backup(Path("new")),
    "doctor": doctor.doctor,
    "doctor --repair": lambda: doctor.doctor(repair=True),
    "export": lambda: export.export("a@example.org", Path("new.zip")),
    "migrate": database.migrate,
    "models rotate-key": lambda: models.rotate_key(old_secret_file=Path("secret")),
    "push run": push.run,
    "seed": database.seed,
    "sync rebuild": sync.rebuild,
    "sync run": sync.run,
    "sync status": sync.show,
    "token list": lambda: token.show("a@example.org"),
}


def test_no_command_reads_its_settings_without_trying_what_they_name() -> None:
    found = set()
    for path in Path(cli.__path__[0]).glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and "config.load()" in ast.unparse(node):
                found.add(f"{path.stem}.{node.name}")
    assert found == OTHERS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_cannot_be_written_to_stops_a_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMO_DATA_DIR", "/proc/data")
    Path("secret").write_text("the old secret", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"^AIMO_DATA_DIR: /proc/data: ") as refused:
        COMMANDS[name]()
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OperationalError("INSERT", {}, Exception(1290, "--read-only")), "MYSQL_HOST must lead to the primary"),
        (OperationalError("INSERT", {}, Exception(1142, "INSERT command denied")), "needs all privileges"),
        (OperationalError("INSERT", {}, Exception(1205, "Lock wait timeout exceeded")), "SHOW PROCESSLIST"),
        (OperationalError("INSERT", {}, Exception(2003, "Can't connect\nat all")), "MYSQL_HOST and MYSQL_PORT"),
        (PoolTimeout("QueuePool limit"), "no answer in time"),
        (TimeoutError(), "no answer in time"),
        (sqlite3.OperationalError("no such table: memos"), None),
        (OperationalError("SELECT", {}, Exception(1064, "You have an error in your SQL syntax")), None),
        (KeyError("a fault of ours"), None),
    ],
)
def test_what_the_database_refuses_a_command_is_one_line_and_a_fault_of_ours_a_trace(
    error: Exception, says: str | None
) -> None:
    told = main._told(error)
    assert (told is None) if says is None else (told is not None and says in told and "\n" not in told)
