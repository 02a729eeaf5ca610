"""No statement reaches the rows of another user, and the services use no statement that is not looked at here."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from sqlalchemy import and_, delete, func, insert, or_, select, union, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ClauseElement
from tests.support.scoping_check import unscoped_tables
from tests.support.statements import registered

from aimo.db import queries
from aimo.db.schema import AIConversations, AIMessages, Attachments, MemoRelations, Memos, MemoTags, Tags
from aimo.db.statements import in_list, param
from aimo.db.typed import Command, Query, Scalar

SOURCE = Path(__file__).resolve().parents[3] / "src/aimo"

# Rooms that ask the database for users. (The data migration moves the rows of all of them.)
ROOMS = ("services", "http", "scheduler", "push", "cli", "runtime")

# What these rooms may know of SQLAlchemy: nothing that a statement can be built from.
KNOWN = ("sqlalchemy.exc.", "sqlalchemy.ext.asyncio.AsyncConnection")

_OTHER = aliased(Memos)


class OneId(NamedTuple):
    """The row of a statement that is refused."""

    memo_id: str


def test_statements_stay_with_the_rows_of_their_owner() -> None:
    found = {name: unscoped_tables(entry.statement) for name, entry in registered().items() if entry.reason is None}
    assert len(found) > 400
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_every_unscoped_statement_has_a_reason() -> None:
    excuses = {name: entry.reason for name, entry in registered().items() if entry.reason is not None}
    assert {name: excuse for name, excuse in excuses.items() if len(excuse) < 20} == {}


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(select(Memos.content).where(Memos.memo_id == param("id")), id="no owner"),
        pytest.param(select(Memos.content).where(Memos.uid == param("uid")), id="another parameter"),
        pytest.param(select(Memos.content).where(Memos.uid == "u1"), id="a constant"),
        pytest.param(select(Memos.content).where(Memos.uid != param("owner")), id="everybody else"),
        pytest.param(select(Memos.content).where(or_(Memos.uid == param("owner"), Memos.is_public)), id="or others"),
        pytest.param(select(Memos.content).where(~(Memos.uid == param("owner")).self_group()), id="negated"),
        pytest.param(select(Memos.content, Tags.name).where(Memos.uid == param("owner")), id="one of two tables"),
        pytest.param(
            select(Memos.content)
            .join(MemoRelations, MemoRelations.target_memo_id == Memos.memo_id)
            .where(MemoRelations.uid == param("owner")),
            id="joined without its owner",
        ),
        pytest.param(
            select(Memos.content).outerjoin(
                MemoTags, and_(MemoTags.memo_id == Memos.memo_id, Memos.uid == param("owner"))
            ),
            id="owner in an outer join",
        ),
        pytest.param(
            select(Memos.content, Tags.name)
            .outerjoin(Tags, and_(Tags.name == param("name"), or_(Tags.uid == param("owner"), Tags.usage_count > 0)))
            .where(Memos.uid == param("owner")),
            id="owner or others in an outer join",
        ),
        pytest.param(
            select(Memos.content, Tags.name)
            .join(Tags, Tags.uid == param("owner"), full=True)
            .where(Memos.uid == param("owner")),
            id="owner in a full join",
        ),
        pytest.param(
            select(Memos.content).where(
                Memos.uid == param("owner"),
                Memos.memo_id.in_(select(MemoTags.memo_id).where(MemoTags.tag_id.in_(in_list("tag_ids")))),
            ),
            id="nested without its owner",
        ),
        pytest.param(
            select(Memos.content).join(_OTHER, _OTHER.memo_id == Memos.memo_id).where(Memos.uid == param("owner")),
            id="one of two aliases",
        ),
        pytest.param(
            select(Memos.content).join(select(MemoTags.memo_id).subquery("picked"), Memos.uid == param("owner")),
            id="selected from without its owner",
        ),
        pytest.param(
            union(select(Memos.memo_id).where(Memos.uid == param("owner")), select(MemoTags.memo_id)),
            id="one half of a union",
        ),
        pytest.param(
            select(Memos.content, select(func.count(Attachments.attachment_id)).scalar_subquery()).where(
                Memos.uid == param("owner")
            ),
            id="counted beside it",
        ),
        pytest.param(select(AIMessages.content).where(AIMessages.conversation_id == param("id")), id="messages alone"),
        pytest.param(
            select(AIMessages.content)
            .join(AIConversations, AIConversations.conversation_id == AIMessages.conversation_id)
            .where(AIMessages.conversation_id == param("id")),
            id="messages of a conversation of anybody",
        ),
        pytest.param(
            select(AIMessages.content, AIConversations.title).where(AIConversations.uid == param("owner")),
            id="messages beside a conversation",
        ),
        pytest.param(update(Memos).where(Memos.memo_id == param("id")).values(content="x"), id="update"),
        pytest.param(
            update(Memos)
            .where(Memos.uid == param("owner"), Memos.memo_id == MemoTags.memo_id, MemoTags.tag_id == param("tag_id"))
            .values(content="x"),
            id="update by another table",
        ),
        pytest.param(
            update(Memos)
            .where(Memos.uid == param("owner"))
            .values(content=select(Tags.name).where(Tags.tag_id == param("tag_id")).scalar_subquery()),
            id="update from another table",
        ),
        pytest.param(delete(Memos).where(Memos.memo_id == param("id")), id="delete"),
        pytest.param(delete(Memos), id="delete all"),
        pytest.param(insert(Memos).values(memo_id=param("memo_id")), id="insert for nobody"),
        pytest.param(insert(Memos).values(uid=param("author")), id="insert for another"),
    ],
)
def test_an_unscoped_statement_is_found_out(statement: Any) -> None:
    assert unscoped_tables(statement)


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((SOURCE / room).rglob("*.py") or [SOURCE / room])]


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Every name that a file imports, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def asked(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """Everything a file takes from the modules of statements, by name."""
    modules: dict[str, ModuleType] = {}
    for name, target in imported(tree):
        if target.startswith(f"{queries.__name__}."):
            module, _, item = target.rpartition(".")
            if module == queries.__name__:
                modules[name] = importlib.import_module(target)
            else:
                yield name, getattr(importlib.import_module(module), item)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield f"{node.value.id}.{node.attr}", getattr(modules[node.value.id], node.attr)


def test_services_ask_registered_statements_only() -> None:
    known = {id(entry.statement) for entry in registered().values()}
    seen, strangers = 0, []
    for path in sources():
        for name, thing in asked(ast.parse(path.read_text(encoding="utf-8"))):
            seen += 1
            built = callable(thing) and not isinstance(thing, type)
            # Runs statements that `aimo.db.typed` has found in the register.
            built = built and not inspect.iscoroutinefunction(thing)
            if (isinstance(thing, ClauseElement) and id(thing) not in known) or built:
                strangers.append(f"{path.relative_to(SOURCE)}: {name}")
    assert seen > 50
    assert strangers == []


@pytest.mark.parametrize("kind", [Command, Scalar, lambda statement: Query(statement, OneId)])
def test_statements_that_no_test_would_see_cannot_be_run(kind: Callable[[Any], object]) -> None:
    with pytest.raises(ValueError, match=r"register this statement with owned\(\) or unscoped\(\)"):
        kind(select(Memos.memo_id))


def test_services_cannot_build_statements() -> None:
    strangers = []
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        strangers += [
            f"{path.relative_to(SOURCE)} imports {target}"
            for _, target in imported(tree)
            if f"{target}.".startswith("sqlalchemy.") and not target.startswith(KNOWN)
        ]
        strangers += [
            f"{path.relative_to(SOURCE)}:{node.lineno} runs text"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr == "exec_driver_sql"
        ]
    assert strangers == []
