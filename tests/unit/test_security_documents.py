"""docs/security.md names every risk and chapter, and tests and files that exist."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs/security.md").read_text(encoding="utf-8")
POLICY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
STATES = {"holds", "in part", "does not hold", "operator"}

ITEM = re.compile(r"\d{1,2}\.\d{1,2}\.\d{1,2}")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PATH = re.compile(r"`((?:[\w.-]+/)*\.?[\w-]+(?:/[\w-]+|\.\w+))`")


def rows() -> list[tuple[str, str, str]]:
    """Name, state and text of each row of the tables of risks and items."""
    found = [
        tuple(cell.strip() for cell in line.strip("|").split(" | ", 2))
        for line in DOCUMENT.splitlines()
        if re.match(r"\| (API\d|\d)", line)
    ]
    return [(row[0], row[1], row[2].rstrip(" |")) for row in found]


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_each_of_the_ten_risks_has_one_row() -> None:
    named = [match[0] for name, _, _ in rows() if (match := re.match(r"API\d+:2023", name))]
    assert named == [f"API{number}:2023" for number in range(1, 11)]


def test_every_chapter_is_gone_through_and_no_item_twice() -> None:
    items = [item for name, _, _ in rows() for item in ITEM.findall(name)]
    assert [item for item, times in Counter(items).items() if times > 1] == []
    for chapter in range(1, 15):
        section = re.search(rf"^### V{chapter} .*?(?=^### |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
        assert section, f"V{chapter} is missing"
        named = [
            item for line in re.findall(r"^\| ([\d., ]+) \|", section[0], re.MULTILINE) for item in ITEM.findall(line)
        ]
        assert named, f"V{chapter} names no item"
        assert [item for item in named if not item.startswith(f"{chapter}.")] == []


@pytest.mark.parametrize(("name", "state", "text"), rows(), ids=[name for name, _, _ in rows()])
def test_every_row_says_whether_it_holds_and_names_what_exists(name: str, state: str, text: str) -> None:
    assert state in STATES
    tests = TEST.findall(text)
    for path, function in tests:
        assert (ROOT / path).is_file(), f"{path} does not exist"
        assert function.startswith("test_")
        assert function in functions(path), f"{path} has no {function}"
    files = [path for path in PATH.findall(text) if not path.startswith("/")]
    for path in files:
        assert (ROOT / path).exists(), f"{path} does not exist"
    if state == "holds" and not text.startswith("XML is not read"):
        assert tests or files, "nothing is named that meets it"
    if state != "holds":
        assert text, "nothing says what does not hold"


def test_the_policy_names_whom_it_trusts_and_how_to_report() -> None:
    for who in ("operator", "user", "stranger", "machine token", "AI providers", "push channels", "database", "bucket"):
        assert re.search(rf"^\|[^|]*{who}", POLICY, re.MULTILINE), who
    for who in ("reverse proxy", "other users of the machine"):
        assert re.search(rf"^\|[^|]*{who}", POLICY, re.MULTILINE), who
    assert "Report a vulnerability" in POLICY
    assert "Supported versions" in POLICY
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", POLICY), "an address that nobody may answer"
