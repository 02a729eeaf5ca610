"""The command line explains itself."""

from __future__ import annotations

import importlib
import inspect
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cyclopts import App

from aimo.cli.main import COMMANDS

AIMO = Path(sys.executable).with_name("aimo")


def own_help(target: str) -> str:
    """Return what a command says of itself where it is defined."""
    module, _, name = target.partition(":")
    command = getattr(importlib.import_module(module), name)
    return str(command.help if isinstance(command, App) else inspect.getdoc(command)).partition("\n")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_own_first_words_as_its_line(name: str) -> None:
    target, line = COMMANDS[name]
    assert line
    assert own_help(target).startswith(line.rstrip("."))


def test_the_help_lists_every_command_with_its_line() -> None:
    shown = subprocess.run(
        [AIMO, "--help"], capture_output=True, text=True, timeout=60, check=True, env={"COLUMNS": "160"}
    ).stdout
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"│ {name} +{re.escape(line)}", shown), name
    assert "--install-completion" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_knows_the_commands(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    subprocess.run(
        [AIMO, "--install-completion", "--shell", shell, "--output", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"HOME": str(tmp_path)},
    )
    written = script.read_text(encoding="utf-8")
    assert all(name in written for name in COMMANDS)


def test_what_stops_a_start_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for variables, told in (
            ({"PORT": port}, f"aimo: PORT: 127.0.0.1:{port} is in use"),
            ({"AIMO_LOG_DIR": "/proc/logs"}, "aimo: AIMO_LOG_DIR: /proc/logs: "),
        ):
            done = subprocess.run(
                [AIMO, "serve"], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False
            )
            lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
            assert (done.returncode, done.stdout) == (1, "")
            assert len(lines) == 1, lines
            assert lines[0].startswith(told)
