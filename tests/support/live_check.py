"""Whether a statement can touch memos in the trash without asking for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.sql import Insert, Select
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.selectable import FromClause, Join, Subquery
from tests.support.scoping_check import results, table_of, terms, walk

_MEMOS = "memos"


def ignores_trash(statement: Any) -> bool:
    """Return whether a part of the statement uses rows of memos without a condition on when they were deleted."""
    if isinstance(statement, Insert):
        return isinstance(statement.select, Select) and ignores_trash(statement.select)
    return any(_open_parts(statement, guarded=False))


def _open_parts(statement: Any, *, guarded: bool) -> Iterator[bool]:
    """Yield whether this statement, and each nested in it, uses memos of which nothing is asked.

    ``guarded``: the statement around it has asked. Subqueries that are selected from stand alone.
    """
    uses_memos = False
    conditions: list[Any] = [term for clause in statement._where_criteria for term in terms(clause)]
    waiting: list[FromClause] = (
        list(statement.get_final_froms()) if isinstance(statement, Select) else [statement.table]
    )
    while waiting:
        source = waiting.pop()
        if isinstance(source, Join):
            waiting += [source.left, source.right]
            if source.onclause is not None and not source.full and not source.isouter:
                conditions.extend(terms(source.onclause))
        elif isinstance(source, Subquery):
            yield from _open_parts(source.element, guarded=False)
        else:
            uses_memos |= str(getattr(source, "name", source)) == _MEMOS
    nested = []
    for node in (node for part in [*conditions, *results(statement)] for node in walk(part)):
        if isinstance(node, Select):
            nested.append(node)
        else:
            uses_memos |= table_of(node) == _MEMOS
    asks = guarded or any(_asks(term) for term in conditions)
    yield uses_memos and not asks
    for inner in nested:
        yield from _open_parts(inner, guarded=asks)


def _asks(term: Any) -> bool:
    return isinstance(term, BinaryExpression) and table_of(term.left) == _MEMOS and term.left.key == "deleted_at"
