"""What is logged is found again in the file of its day."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from aimo import clock, config, log


def lines(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_process_s_lines_are_in_the_file_of_their_local_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "logs"
    settings = config.load(_env_file=None, aimo_log_dir=folder, locale_timezone="Asia/Shanghai")
    moment = datetime(2026, 3, 9, 15, 59, tzinfo=UTC)
    monkeypatch.setattr(clock, "now_ms", lambda: int(moment.timestamp() * 1000))
    (folder / "sub").mkdir(parents=True)
    for name in ("2026-03-01.log", "2026-03-02.log", "notes.log"):
        (folder / name).touch()

    log.configure(settings)
    first = logging.getLogger().handlers[-1]
    log.configure(settings)
    logging.getLogger().addHandler(first)  # as if another process logged the same
    structlog.get_logger("test").warning("雪 before midnight")
    moment = datetime(2026, 3, 9, 16, 0, tzinfo=UTC)
    structlog.get_logger("test").warning("after midnight")

    assert lines(folder / "2026-03-09.log") == ["雪 before midnight"] * 2
    assert lines(folder / "2026-03-10.log") == ["after midnight"] * 2
    kept = {path.name for path in folder.iterdir()}
    assert kept == {"2026-03-09.log", "2026-03-10.log", "notes.log", "sub"}


@pytest.mark.parametrize(
    ("chosen", "terminal", "readable"),
    [("auto", True, True), ("auto", False, False), ("console", False, True), ("json", True, False)],
)
def test_lines_are_for_people_on_a_terminal_and_json_elsewhere_unless_chosen(
    chosen: str, terminal: bool, readable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", written)
    log.configure(config.load(_env_file=None, log_format=chosen))
    structlog.get_logger("test").warning("it snows", place="東京")
    [line] = written.getvalue().splitlines()
    if readable:
        assert "it snows" in line
        assert ("\x1b[" in line) is terminal
    else:
        assert json.loads(line) | {"timestamp": ""} == {
            "event": "it snows",
            "place": "東京",
            "level": "warning",
            "logger": "test",
            "timestamp": "",
        }
