"""With 50,000 memos, every statement finds its rows by an index; docs/indexes.md says by which."""

from __future__ import annotations

import asyncio
import fnmatch
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Boolean, Column, Integer, event, func, select, types
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Delete, Select, Update, visitors
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from tests.support.mariadb import MariaDB
from tests.support.statements import family, registered

from aimo import clock, config
from aimo.db.connection import Database
from aimo.db.queries import insights
from aimo.db.schema import AIConversations, Memos, Model
from aimo.db.types import Millis

from .many_memos import fill

PAGE = (Path(__file__).resolve().parents[3] / "docs/indexes.md").read_text(encoding="utf-8")

# Statements that rightly read a whole table or index ("scan"), or sort or collect rows by themselves ("sort").
ALLOWED = {
    r"memos\.(page|sizes|ids)\[.*listed.*": (
        "sort",
        "at most 1,000 memos by their keys: fewer than any index would pass",
    ),
    r"memos\.(count|page|sizes|ids)\[.*tags.*": (
        "sort",
        "the memos that carry all the tags are collected, then put in order",
    ),
    r"memos\.(page|sizes|ids)\[.*(since|until).*\]by updated_at.*": (
        "sort",
        "a range of one time in the order of the other",
    ),
    r"memos\.(count|ids)\[.*attachments\].*": (
        "scan",
        "whether memos name files is in their rows, of which one user may have most",
    ),
    r"memos\.ids\[.*,attachments\]by .*": (
        "sort",
        "the ids of memos that name files, where most of the table is read for them",
    ),
    r"push_rules\.memos_of_day": ("sort", "one day's memos, found by time and shown as they were written"),
    r"push_deliveries\.waiting": (
        "sort",
        "what is due to be tried again, little or in turns: every user's first, then every user's second",
    ),
    r"insights\.activity(_shifted)?": (
        "sort",
        "a range of one user's memos, read from the index alone and counted by day",
    ),
    r"sessions\.beyond": ("sort", "the open sessions of one user, of which there are about a hundred at most"),
    r"notifications\.beyond": ("sort", "the notifications of one user, of which there are about fifty"),
    r"review_draws\.draw\[.*": (
        "sort",
        "ids and counts alone, without contents: the memos that were asked about least, in random order",
    ),
    r"trash\.other_attachments": (
        "scan",
        "the lists of attachments of one user's memos, who may have most of the table",
    ),
    r"table_browser\.\w+": ("scan", "operators page through whole tables by their key"),
    r"outbox\.depth": ("scan", "counts what waits, which is little or a reason to look"),
    r"outbox\.last_error": ("scan", "the newest failure, from the end of what waits, asked when something does"),
    r"outbox\.release": ("scan", "most of what waits is shown at once, when a writer begins or an outage ends"),
    r"outbox\.started": ("scan", "what was being applied when a process died, asked once by every new writer"),
    r"outbox\.newest": ("scan", "the last key, read from the end of the index"),
    r"rebuild\.count_memos": ("scan", "a rebuild goes through all memos"),
    r"doctor\.paths": (
        "scan",
        "the doctor looks for files whose name does not tell the id of their attachment, which are few",
    ),
    r"doctor\.quarantined": (
        "scan",
        "the doctor asks for files that no other row names, which are few; what a migration has left out should be too",
    ),
    r"export\.(attachments|relations|memos|cards)": (
        "scan",
        "an export reads all rows of one user, who may have most of the table",
    ),
    r"export\.(attachments|memos|cards|messages|review_items)": (
        "sort",
        "all rows of one user are put in order, once for an export",
    ),
    r"archive\.\w+": ("scan", "a backup reads everything, a restoration counts it"),
    r"memo_changes\.start_again": ("scan", "after a migration every user's client begins again"),
    r"memo_changes\.(newest|delete)_outdated": ("scan", "most changes of one user, where most are old"),
    r"sessions\.end_all": ("scan", "a restoration ends all sessions and revokes all access tokens"),
    r"invariants\.results": ("scan", "one row a check, all of them"),
}


class Step(NamedTuple):
    """A line of EXPLAIN."""

    table: str
    access: str
    indexes: list[str]
    extra: str


class _Captured(Exception):
    """The SQL and parameters that would have been sent."""


def _capture(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, executemany: bool) -> None:
    if not sql.startswith("EXPLAIN"):
        raise _Captured(sql, parameters)


async def explain(connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> list[Step]:
    sync_engine = connection.engine.sync_engine
    event.listen(sync_engine, "before_cursor_execute", _capture)
    try:
        await connection.execute(statement, values)
    except _Captured as captured:
        sql, parameters = captured.args
    finally:
        event.remove(sync_engine, "before_cursor_execute", _capture)
    rows = (await connection.exec_driver_sql(f"EXPLAIN {sql}", parameters)).mappings()
    return [
        Step(row["table"] or "", row["type"] or "", (row["key"] or "").split("|"), row["Extra"] or "") for row in rows
    ]


class Values:
    """Values to bind that some user's rows really have."""

    def __init__(self, connection: AsyncConnection, uid: str) -> None:
        self._connection = connection
        self._uid = uid
        self._known: dict[Any, list[Any]] = {}

    async def for_statement(self, statement: Any) -> dict[str, Any]:
        binds = statement.compile(dialect=self._connection.dialect).binds
        values = {name: _any_of(bind) for name, bind in binds.items() if bind.required}
        for node in visitors.iterate(statement):
            if not isinstance(node, BinaryExpression) or not isinstance(node.right, BindParameter):
                continue
            if isinstance(node.left, Column) and node.right.key in values and (found := await self._of(node.left)):
                values[node.right.key] = found if node.right.expanding else found[0]
        usual = {"limit": 20, "offset": 40, "now": clock.now_ms(), "tag_count": 2, **await self._times()}
        values |= {name: value for name, value in usual.items() if name in values}
        if isinstance(values.get("tag_ids"), list):
            values["tag_ids"] = values["tag_ids"][:2]
        return values

    async def _of(self, column: Column[Any]) -> list[Any]:
        if column.name == "uid":
            return [self._uid]
        if column not in self._known:
            query = select(column).where(column.is_not(None)).limit(40)
            if "uid" in column.table.c:
                query = query.where(column.table.c.uid == self._uid)
            elif "conversation_id" in column.table.c:
                mine = select(AIConversations.conversation_id).where(AIConversations.uid == self._uid)
                query = query.where(column.table.c.conversation_id.in_(mine))
            self._known[column] = list(dict.fromkeys(await self._connection.scalars(query)))[:20]
        return self._known[column]

    async def _times(self) -> dict[str, Any]:
        """A fifth of the user's time, days of it, and the first day of everybody's."""
        if Memos.created_at not in self._known:
            ends = [func.min(Memos.created_at), func.max(Memos.created_at)]
            everybody, his = select(ends[0]), select(*ends).where(Memos.uid == self._uid)
            oldest = await self._connection.scalar(everybody)
            self._known[Memos.created_at] = [oldest, *(await self._connection.execute(his)).one()]
        oldest, first, last = self._known[Memos.created_at]
        middle, day = first + (last - first) // 2, 24 * 3600 * 1000
        times = {"since": middle, "until": middle + (last - first) // 5, "before": oldest + day}
        times |= {"start": middle, "end": middle + day}
        # No stored time is later, unless a clock was ahead.
        times |= dict.fromkeys(("latest", "held_until", "longest_until"), clock.now_ms() + 365 * day)
        for slot in range(insights.SLOTS):
            times |= {f"start_{slot}": middle + 2 * slot * day, f"end_{slot}": middle + (2 * slot + 1) * day}
        return times


def _any_of(bind: BindParameter[Any]) -> Any:
    """Something of the right type where it does not matter what."""
    kind = bind.type
    value: Any = "x"
    if isinstance(kind, Millis):
        value = clock.now_ms()
    elif isinstance(kind, Boolean):
        value = True
    elif isinstance(kind, Integer):
        value = 1
    elif isinstance(kind, types.JSON):
        value = []
    return [value] if bind.expanding else value


@pytest.fixture(scope="module")
def plans(mariadb: MariaDB, mysql_template: str) -> dict[str, list[Step]]:
    """How MariaDB runs every statement, for a user with many memos and for one with a few."""
    chosen = mariadb.create_database(like=mysql_template)
    fill(mariadb, chosen["MYSQL_DATABASE"])
    return asyncio.run(_explain_all(config.load(_env_file=None, **{k.lower(): v for k, v in chosen.items()})))


async def _explain_all(settings: config.Settings) -> dict[str, list[Step]]:
    database = await Database.open(settings)
    found = {}
    try:
        async with database.engine.connect() as connection:
            authors = select(Memos.uid).group_by(Memos.uid).order_by(func.count().desc(), Memos.uid)
            uids = (await connection.scalars(authors)).all()
            for size, uid in (("large", uids[0]), ("small", uids[-1])):
                values = Values(connection, uid)
                for name, entry in registered().items():
                    if isinstance(entry.statement, Select | Update | Delete):
                        bound = await values.for_statement(entry.statement)
                        found[f"{name} of a {size} user"] = await explain(connection, entry.statement, bound)
    finally:
        await database.close()
    return found


def shortcomings(plan: list[Step]) -> set[str]:
    """What a plan does without an index.

    `<subquery2>` is no table but what another step has collected, and `<derived2>` a page that it has picked
    already: to put that in order is no matter.
    """
    scans = {"scan" for step in plan if step.access in ("ALL", "index") and not step.table.startswith("<")}
    sorts = (step for step in plan if not step.table.startswith("<derived"))
    return scans | {"sort" for step in sorts if re.search(r"filesort|temporary", step.extra)}


def allowed(name: str) -> dict[str, str]:
    return {what: pattern for pattern, (what, _) in ALLOWED.items() if re.fullmatch(rf"{pattern} of a \w+ user", name)}


def test_statements_find_and_sort_their_rows_by_an_index(plans: dict[str, list[Step]]) -> None:
    surprises = [
        f"{name}: {', '.join(sorted(found))}\n    " + "\n    ".join(map(str, plan))
        for name, plan in plans.items()
        if (found := shortcomings(plan) - set(allowed(name)))
    ]
    assert not surprises, "\n".join(surprises)


def test_a_draw_among_all_memos_reads_no_content(plans: dict[str, list[Step]]) -> None:
    """Contents are in the rows: an index that holds what is asked for is read alone."""
    for size in ("large", "small"):
        (memos,) = (step for step in plans[f"review_draws.draw[] of a {size} user"] if step.table == "memos")
        assert "Using index" in memos.extra, memos


def test_every_exception_is_needed(plans: dict[str, list[Step]]) -> None:
    used = {allowed(name).get(what) for name, plan in plans.items() for what in shortcomings(plan)}
    assert set(ALLOWED) - used == set()
    assert [reason for _, reason in ALLOWED.values() if reason not in PAGE] == []


def test_no_index_is_carried_for_nothing(plans: dict[str, list[Step]]) -> None:
    """Each costs every write something, so a statement or a foreign key must need it."""
    used = {index for plan in plans.values() for step in plan for index in step.indexes}
    for table in Model.metadata.tables.values():
        keys = {key.column_keys[0] for key in table.foreign_key_constraints}
        for index in table.indexes:
            assert index.name in used or index.columns[0].name in keys, f"nobody needs {index.name}"


def test_documented_indexes_serve_what_the_page_says(plans: dict[str, list[Step]]) -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)
    assert rows
    serves: dict[str, set[str]] = {}
    for name, plan in plans.items():
        for step in plan:
            for index in step.indexes:
                key = f"{step.table}.PRIMARY" if index == "PRIMARY" else index
                serves.setdefault(key, set()).add(family(name.partition(" of a ")[0]))
    for index, described in rows:
        for named in re.findall(r"`([a-z_]+\.[a-z_*]+)`", described):
            found = sorted(serves.get(index, ()))
            assert fnmatch.filter(found, named), f"{index} does not serve {named}, but {found}"
