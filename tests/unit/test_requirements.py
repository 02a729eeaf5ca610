"""docs/requirements.md names code and tests that exist, for everything that was asked for."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "requirements.md"
STORIES = [f"US-{number:03}" for number in range(1, 24)]
FUNCTIONS = [f"FR-{number}" for number in range(1, 16)]
METRICS = [f"M-{number}" for number in range(1, 10)]


def rows() -> dict[str, str]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    return {match[1]: line for line in lines if (match := re.match(r"\| ([A-Z]+-\d+) \|", line))}


def test_every_requirement_has_a_row() -> None:
    assert sorted(rows()) == sorted(STORIES + FUNCTIONS + METRICS)


def test_every_row_names_code_that_exists() -> None:
    for name, line in rows().items():
        paths = [path for path in re.findall(r"`([^`]+)`", line.rsplit("|", 2)[0]) if not path.startswith("US-")]
        assert paths, f"{name} names no code"
        for path in paths:
            assert (ROOT / path).exists(), f"{name} names {path}, which does not exist"


def test_every_row_names_a_test_that_exists() -> None:
    for name, line in rows().items():
        tests = re.findall(r"`(tests/[^`:]+\.py)::(\w+)`", line)
        assert tests, f"{name} names no test"
        for path, function in tests:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert function in names, f"{name} names {path}::{function}, which does not exist"


def test_types_are_checked_strictly_before_any_test() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["mypy"]["strict"] is True
    assert project["tool"]["mypy"]["files"] == ["src/aimo", "tests", "bench"]
    rules = dict(re.findall(r"^([\w-]+):([^#=\n]*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert "check" in rules["test"].split()
