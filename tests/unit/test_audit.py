"""The audit log says who did what and how it ended, holds nothing secret, and cannot be flooded."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

from aimo import audit, clock, config, log
from aimo.audit import Event, Outcome
from aimo.errors import AimoError, Code, RateLimitExceeded


@pytest.fixture(autouse=True)
def _fresh_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_bound", audit._Bound())


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (AimoError(Code.PASSWORD_ERROR), "refused"),
        (RateLimitExceeded("login-account", retry_after=3), "limited"),
        (OSError("the disk is full"), "error"),
    ],
)
def test_an_attempt_is_recorded_however_it_ends(error: Exception | None, outcome: str) -> None:
    with capture_logs() as lines:
        try:
            with audit.attempt(Event.LOGIN, address="192.0.2.7") as trying:
                trying.user = "u1"
                if error:
                    raise error
        except Exception as caught:
            assert caught is error
    assert lines == [{"event": "login", "outcome": outcome, "user": "u1", "address": "192.0.2.7", "log_level": "info"}]


def test_a_stranger_cannot_flood_the_log_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with capture_logs() as lines:
        for _ in range(1000):
            audit.record(Event.TOKEN, Outcome.REFUSED, address="192.0.2.7")
        assert len(lines) == 10
        for number in range(1000):
            audit.record(Event.TOKEN, Outcome.REFUSED, address=f"2001:db8::{number:x}")
        assert len(lines) == 60
        audit.record(Event.LOGIN, Outcome.REFUSED, address="198.51.100.1")
        audit.record(Event.LOGIN, Outcome.OK, user="u1")
        assert len(lines) == 62
        now += 60
        audit.record(Event.TOKEN, Outcome.REFUSED, address="192.0.2.7")
    assert sum(line.get("left_out", 0) for line in lines) == 2000 - 60


def test_success_is_never_left_out() -> None:
    with capture_logs() as lines:
        for _ in range(200):
            audit.record(Event.LOGIN, Outcome.OK, user="u1", address="192.0.2.7")
    assert len(lines) == 200


def test_audit_files_are_apart_and_kept_for_their_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "logs"
    settings = config.load(
        _env_file=None, aimo_log_dir=folder, locale_timezone="UTC", aimo_log_level="error", aimo_audit_days=30
    )
    monkeypatch.setattr(clock, "now_ms", lambda: 1_773_014_400_000)  # 2026-03-09
    folder.mkdir()
    for name in ("audit-2026-02-06.log", "audit-2026-02-07.log", "2026-02-20.log", "2026-03-02.log"):
        (folder / name).touch()
    log.configure(settings)

    with bound_contextvars(request_id="r-1"):
        audit.record(Event.LOGIN, Outcome.OK, user="u1", address="192.0.2.7")

    assert {path.name for path in folder.iterdir()} == {
        "audit-2026-02-07.log",
        "audit-2026-03-09.log",
        "2026-03-02.log",
    }
    line = json.loads((folder / "audit-2026-03-09.log").read_text(encoding="utf-8"))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "login",
        "outcome": "ok",
        "user": "u1",
        "address": "192.0.2.7",
        "request_id": "r-1",
        "level": "info",
        "logger": "aimo.audit",
    }


_WRITER = """
import sys
from aimo import audit, config, log
log.configure(config.load(_env_file=None, aimo_log_dir=sys.argv[1]))
for number in range(300):
    audit.record(audit.Event.LOGIN, audit.Outcome.OK, user=f"u{number}")
"""


def test_several_processes_write_whole_lines_to_one_file(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stderr=subprocess.DEVNULL) for _ in range(2)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    (file,) = tmp_path.glob("audit-*.log")
    users = [json.loads(line)["user"] for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(users) == sorted(f"u{number}" for number in range(300) for _ in range(2))
