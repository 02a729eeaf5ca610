"""What fails again and again is told at once, once a minute, and when it is over; an outage without a traceback."""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path

import pytest
import structlog
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from aimo.db import failure_log
from aimo.db.connection_errors import advice
from aimo.db.failure_log import SILENT_SECONDS, FailureLog

SOURCE = Path(failure_log.__file__).parents[1]


class Clock:
    def __init__(self) -> None:
        self.now = 1.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(failure_log, "time", made)
    return made


def away(number: int = 2003) -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception(number, "Connection refused"))


def failures(over: str = "it works again") -> FailureLog:
    return FailureLog(structlog.get_logger(), "it failed", over=over)


def test_an_outage_is_a_line_a_minute_with_a_count_and_one_when_it_is_over(clock: Clock) -> None:
    log = failures()
    with capture_logs() as logged:
        for _ in range(int(2.5 * SILENT_SECONDS)):
            log.failed(away())
            clock.now += 1
        log.succeeded()
        log.succeeded()
    assert [entry["event"] for entry in logged] == ["it failed"] * 3 + ["it works again"]
    assert [entry.get("times") for entry in logged[:3]] == [None, SILENT_SECONDS, SILENT_SECONDS]
    assert all("check MYSQL_HOST" in entry["reason"] and "exc_info" not in entry for entry in logged[:3])
    assert (logged[3]["failures"], logged[3]["seconds"]) == (150, 150.0)


def test_another_kind_of_failure_is_told_at_once_and_a_fault_of_ours_with_its_traceback(clock: Clock) -> None:
    log = failures()
    with capture_logs() as logged:
        for error in (away(), away(1053), KeyError("a"), away(), KeyError("b"), TypeError("c"), PermissionError("d")):
            log.failed(error)
        log.failed(ConnectionResetError("the other side hung up"))
    assert ["exc_info" in entry for entry in logged] == [False, False, True, True, True, False]
    assert "being shut down" in logged[1]["reason"]
    assert logged[5]["reason"] == "the other side hung up"


def test_what_comes_and_goes_is_told_no_more_often(clock: Clock) -> None:
    log = failures()
    with capture_logs() as logged:
        for _ in range(30):
            log.failed(away())
            log.succeeded()
            clock.now += 1
    assert [entry["event"] for entry in logged] == ["it failed", "it works again"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("locked", "another program holds a lock on aimo.db"),
        ("garbage", "is no database"),
        ("none", "AIMO_DATA_DIR is a"),
    ],
)
def test_errors_of_sqlite_say_what_to_do(tmp_path: Path, broken: str, says: str) -> None:
    path = tmp_path / "aimo.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (a)")
    if broken == "locked":
        other.execute("BEGIN EXCLUSIVE")
    elif broken == "garbage":
        path.write_bytes(b"no database" * 1000)
    else:
        path = tmp_path / "nowhere" / "aimo.db"
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect(path, timeout=0).execute("INSERT INTO t VALUES (1)")
    other.close()
    assert says in advice(caught.value)
    with capture_logs() as logged:
        failures().failed(caught.value)
    assert says in logged[0]["reason"] and "exc_info" not in logged[0]


def test_no_loop_logs_a_traceback_each_time_it_fails() -> None:
    """What a loop tries again is told by a `FailureLog`; where each turn waits for long, a traceback does no harm."""
    allowed = {"services/sync/service.py: _refold_once"}
    found = set()
    for path in SOURCE.rglob("*.py"):
        content = path.read_text(encoding="utf-8")
        tree = ast.parse(content if "log.exception(" in content else "")
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            loops = [node for node in ast.walk(function) if isinstance(node, ast.While)]
            if any("log.exception(" in ast.unparse(loop) for loop in loops):
                found.add(f"{path.relative_to(SOURCE)}: {function.name}")
    assert found == allowed
