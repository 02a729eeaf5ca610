"""Whether a statement can touch memos in the trash without asking for them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.sql import Insert, Select
from sqlalchemy.sql.elements import BinaryExpression
from tests.support.statement_parts import part_of, table_of

_MEMOS = "memos"


def ignores_trash(statement: Any) -> bool:
    """Return whether a part of the statement uses rows of memos without a condition on when they were deleted."""
    if isinstance(statement, Insert):
        return isinstance(statement.select, Select) and ignores_trash(statement.select)
    return _ignores(statement, guarded=False)


def _ignores(statement: Any, *, guarded: bool) -> bool:
    """``guarded``: the statement around it has asked."""
    part = part_of(statement)
    memos = [name for name, table in part.tables.items() if table == _MEMOS]
    # What an outer join asks keeps out memos, but not the rows beside them.
    asked = [any(_asks(term, name) for term, only in part.conditions if only is None) for name in memos]
    if not guarded and not all(asked):
        return True
    inside = guarded or any(asked)
    return any(_ignores(inner, guarded=inside) for inner in part.nested) or any(
        _ignores(inner, guarded=False) for inner in part.derived
    )


def _asks(term: Any, name: str) -> bool:
    return isinstance(term, BinaryExpression) and table_of(term.left) == name and term.left.key == "deleted_at"
