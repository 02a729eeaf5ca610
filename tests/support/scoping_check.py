"""Whether a statement can touch rows of another user than the one bound as ``owner``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.sql import Insert, Select, operators
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from tests.support.statement_parts import part_of, table_of

from aimo.db import schema

# Messages have no uid: they belong to the owner of their conversation.
_MESSAGES, _CONVERSATIONS = "ai_messages", "ai_conversations"
_OF_USERS = {table.name for table in schema.Model.metadata.tables.values() if "uid" in table.c} | {_MESSAGES}


def unscoped_tables(statement: Any) -> list[str]:
    """The tables of which the statement reads or writes rows without asking whose they are."""
    if isinstance(statement, Insert):
        if isinstance(statement.select, Select):
            return unscoped_tables(statement.select)
        return [] if _says_whose(statement) else [statement.table.name]
    return list(_open_tables(statement, frozenset()))


def _says_whose(statement: Insert) -> bool:
    if statement.table.name not in _OF_USERS:
        return True
    values = {getattr(column, "name", column): value for column, value in (statement._values or {}).items()}
    return isinstance(values.get("uid"), BindParameter) and values["uid"].key in ("uid", "owner")


def _open_tables(statement: Any, guarded: frozenset[str]) -> Iterator[str]:
    """Tables of this statement, and of those nested in it, that no condition ties to the owner.

    ``guarded`` are the tables of the statement around it that are tied.
    """
    part = part_of(statement)
    tied = {
        name
        for name, table in part.tables.items()
        if table not in _OF_USERS or any(_ties(term, name) for term in part.conditions_on(name))
    } | guarded
    if _CONVERSATIONS in tied and any(_joins_messages(term) for term, _ in part.conditions):
        tied.add(_MESSAGES)
    yield from sorted(part.tables.keys() - tied)
    for inner in part.nested:
        yield from _open_tables(inner, frozenset(tied))
    for inner in part.derived:
        yield from _open_tables(inner, frozenset())


def _ties(term: Any, name: str) -> bool:
    return (
        isinstance(term, BinaryExpression)
        and term.operator is operators.eq
        and table_of(term.left) == name
        and term.left.key == "uid"
        and isinstance(term.right, BindParameter)
        and term.right.key == "owner"
    )


def _joins_messages(term: Any) -> bool:
    if not isinstance(term, BinaryExpression) or term.operator is not operators.eq:
        return False
    sides = {(table_of(side), getattr(side, "key", None)) for side in (term.left, term.right)}
    return sides == {(_MESSAGES, "conversation_id"), (_CONVERSATIONS, "conversation_id")}
