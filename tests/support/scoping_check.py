"""Whether a statement can touch rows of another user than the one bound as ``owner``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table
from sqlalchemy.sql import Insert, Select, Update, operators
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import FromClause, Join

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
    tables, conditions = _sources(statement)
    for clause in statement._where_criteria:
        conditions.extend(terms(clause))
    nested = []
    for part in [*conditions, *results(statement)]:
        for node in walk(part):
            if isinstance(node, Select):
                nested.append(node)
            elif table := table_of(node):
                tables.add(table)
    tied = {table for table in tables if table not in _OF_USERS or any(_ties(term, table) for term in conditions)}
    tied |= guarded
    if _CONVERSATIONS in tied and any(_joins_messages(term) for term in conditions):
        tied.add(_MESSAGES)
    yield from sorted(tables - tied)
    for inner in nested:
        yield from _open_tables(inner, frozenset(tied))


def _sources(statement: Any) -> tuple[set[str], list[Any]]:
    """Tables, and the conditions of joins that keep rows out: an outer join keeps out those of its right side only."""
    tables: set[str] = set()
    conditions: list[Any] = []
    waiting: list[FromClause] = (
        list(statement.get_final_froms()) if isinstance(statement, Select) else [statement.table]
    )
    while waiting:
        source = waiting.pop()
        if isinstance(source, Join):
            waiting += [source.left, source.right]
            if source.onclause is not None and not source.full:
                optional = str(getattr(source.right, "name", "")) if source.isouter else None
                conditions.extend(term for term in terms(source.onclause) if optional is None or _ties(term, optional))
        else:
            tables.add(str(getattr(source, "name", source)))
    return tables, conditions


def results(statement: Any) -> list[Any]:
    """What is selected, or set."""
    if isinstance(statement, Select):
        return list(statement.selected_columns)
    return list((statement._values or {}).values()) if isinstance(statement, Update) else []


def terms(clause: Any) -> Iterator[Any]:
    """What must all be true for the clause to be."""
    if isinstance(clause, Grouping):
        yield from terms(clause.element)
    elif isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from terms(part)
    else:
        yield clause


def _ties(term: Any, table: str) -> bool:
    return (
        isinstance(term, BinaryExpression)
        and term.operator is operators.eq
        and table_of(term.left) == table
        and term.left.key == "uid"
        and isinstance(term.right, BindParameter)
        and term.right.key == "owner"
    )


def _joins_messages(term: Any) -> bool:
    if not isinstance(term, BinaryExpression) or term.operator is not operators.eq:
        return False
    sides = {(table_of(side), getattr(side, "key", None)) for side in (term.left, term.right)}
    return sides == {(_MESSAGES, "conversation_id"), (_CONVERSATIONS, "conversation_id")}


def table_of(node: Any) -> str | None:
    table = getattr(node, "table", None)
    return table.name if isinstance(table, Table) else None


def walk(clause: Any) -> Iterator[Any]:
    """The clause and its parts, down to nested statements, which are given but not entered."""
    yield clause
    if not isinstance(clause, Select):
        for child in clause.get_children():
            yield from walk(child)
