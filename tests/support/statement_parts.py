"""What a statement reads and writes, and under which conditions: for tests over the statement register."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table
from sqlalchemy.sql import Select, Update, operators
from sqlalchemy.sql.elements import BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import CTE, Alias, CompoundSelect, FromClause, Join, Subquery


@dataclass
class Part:
    """One SELECT, UPDATE or DELETE without the ones inside it.

    ``tables`` gives the table that each name means, aliases included. A condition is one that must be true for a row
    of the result; the name beside it is the only table whose rows it keeps out, of an outer join, or None for all.
    ``nested`` stand in conditions and results, where this part's own conditions hold; ``derived`` are selected from,
    and stand alone.
    """

    tables: dict[str, str] = field(default_factory=dict)
    conditions: list[tuple[Any, str | None]] = field(default_factory=list)
    nested: list[Any] = field(default_factory=list)
    derived: list[Any] = field(default_factory=list)

    def conditions_on(self, name: str) -> Iterator[Any]:
        """Yield the conditions that keep out rows of the table of this name."""
        return (term for term, only in self.conditions if only in (None, name))


def part_of(statement: Any) -> Part:
    """Take a statement apart, a level deep. Of a UNION each member is derived."""
    if isinstance(statement, CompoundSelect):
        return Part(derived=list(statement.selects))
    part = Part()
    part.conditions = [(term, None) for clause in statement._where_criteria for term in _terms(clause)]
    _add_sources(statement, part)
    for clause in [*(term for term, _ in part.conditions), *_results(statement)]:
        for node in _walk(clause):
            if isinstance(node, Select | CompoundSelect):
                part.nested.append(node)
            elif name := table_of(node):
                part.tables.setdefault(name, _meant(node.table))
    return part


def table_of(node: Any) -> str | None:
    """Return the name by which the statement calls the table of a column; None for anything else."""
    table = getattr(node, "table", None)
    return table.name if isinstance(table, Table | Alias) else None


def _meant(source: Any) -> str:
    while isinstance(source, Alias) and not isinstance(source, Subquery):
        source = source.element
    return str(getattr(source, "name", source))


def _add_sources(statement: Any, part: Part) -> None:
    waiting: list[FromClause] = (
        list(statement.get_final_froms()) if isinstance(statement, Select) else [statement.table]
    )
    while waiting:
        source = waiting.pop()
        if isinstance(source, Join):
            waiting += [source.left, source.right]
            if source.onclause is not None and not source.full:
                only = str(getattr(source.right, "name", "")) if source.isouter else None
                part.conditions.extend((term, only) for term in _terms(source.onclause))
        elif isinstance(source, Subquery | CTE):
            part.derived.append(source.element)
        else:
            part.tables[str(getattr(source, "name", source))] = _meant(source)


def _results(statement: Any) -> list[Any]:
    """What is selected, or set."""
    if isinstance(statement, Select):
        return list(statement.selected_columns)
    return list((statement._values or {}).values()) if isinstance(statement, Update) else []


def _terms(clause: Any) -> Iterator[Any]:
    """What must all be true for the clause to be."""
    if isinstance(clause, Grouping):
        yield from _terms(clause.element)
    elif isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _terms(part)
    else:
        yield clause


def _walk(clause: Any) -> Iterator[Any]:
    """The clause and its parts, down to nested statements, which are given but not entered."""
    yield clause
    if not isinstance(clause, Select | CompoundSelect):
        for child in clause.get_children():
            yield from _walk(child)
