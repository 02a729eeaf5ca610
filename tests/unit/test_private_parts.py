"""Private parts of libraries are used in one place each, and a release without them is noticed here."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import aiosqlite
import pytest
from granian import Granian
from sqlalchemy import AsyncAdaptedQueuePool, select
from sqlalchemy.sql.selectable import ForUpdateArg

SOURCE = Path(__file__).resolve().parents[2] / "src/aimo"

# Named tuples, and rows of SQLAlchemy, begin the names of their public methods with a line.
PUBLIC = {"_replace", "_asdict", "_fields", "_make", "_mapping"}

# Each part, the module that may use it, and whether the library still has it.
PARTS: dict[str, tuple[str, Callable[[], bool]]] = {
    # Runs several statements in one trip to the driver's thread.
    "_execute": ("db/driver_reads.py", lambda: callable(aiosqlite.Connection._execute)),
    "_conn": ("db/driver_reads.py", lambda: isinstance(aiosqlite.Connection._conn, property)),
    # Tells whether a statement locks rows.
    "_for_update_arg": (
        "db/typed.py",
        lambda: (
            isinstance(select().with_for_update()._for_update_arg, ForUpdateArg) and select()._for_update_arg is None
        ),
    ),
    # Ends the process with the exit status of a stop in time.
    "_exit": ("cli/asgi.py", lambda: callable(os._exit)),
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield every name that the code gives to something of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def test_private_parts_are_used_where_they_are_fenced_and_nowhere_else() -> None:
    own = {name for _, tree in trees() for name in defined(tree)} | PUBLIC
    used: dict[str, set[str]] = defaultdict(set)
    for module, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and re.match("_(?!_)", node.attr) and node.attr not in own:
                used[node.attr].add(module)
    assert used == {part: {module} for part, (module, _) in PARTS.items()}


@pytest.mark.parametrize("part", PARTS)
def test_the_library_still_has_it(part: str) -> None:
    assert PARTS[part][1]()


def test_the_pool_keeps_its_connections_in_a_queue_that_can_be_emptied() -> None:
    """`aimo.db.warm_pool` takes unused connections out of the queue of SQLAlchemy's pool."""
    pool = AsyncAdaptedQueuePool(lambda: None, pool_size=1)  # type: ignore[arg-type]
    assert callable(pool._pool.get)
    assert callable(pool._pool.put)


def test_the_http_server_can_be_stopped_by_what_a_signal_calls() -> None:
    """`aimo.cli.serve` calls it when its own signal handler has had its turn."""
    assert callable(Granian.signal_handler_interrupt)


def test_lancedb_comes_with_the_package_whose_clients_are_left_out() -> None:
    """`aimo.vectors` gives it without them; without the package that would do nothing."""
    assert importlib.util.find_spec("lance_namespace_urllib3_client") is not None
