"""Every statement that the server can ask the database, by name."""

from __future__ import annotations

import importlib
import pkgutil

from aimo.db import queries
from aimo.db.queries import cards, memos, review_draws
from aimo.db.statements import REGISTER, RegisteredStatement


def registered() -> dict[str, RegisteredStatement]:
    """The register, once every module of statements is imported and every shape of a page is built."""
    for module in pkgutil.iter_modules(queries.__path__):
        importlib.import_module(f"{queries.__name__}.{module.name}")
    memos.all_shapes()
    review_draws.all_draws()
    cards.all_statements()
    return REGISTER


def family(name: str) -> str:
    """What a statement is called in docs/indexes.md: all shapes of a page are one family."""
    return name.partition("[")[0]
