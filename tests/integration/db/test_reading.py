"""Rows read straight from the driver are those that SQLAlchemy reads, and no answer reaches the wrong asker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import Select, func, insert, select
from tests.support.cancellation import cancel_at_await

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.driver_reads import fetch_cells
from aimo.db.queries import memos
from aimo.db.queries.memos import FilterShape, MemoRow, SortOrder
from aimo.db.schema import Memos, MemoTags, Tags, Users
from aimo.db.statements import REGISTER, param
from aimo.db.typed import Bound, Query, Scalar, read_together

MakeSettings = Callable[..., Settings]


def registered(name: str) -> Select[*tuple[Any, ...]]:
    statement = REGISTER[name].statement
    assert isinstance(statement, Select)
    return statement


ONE = Query(registered("memos.one"), MemoRow)
KNOWN_IDS = Scalar[str](registered("memos.known_ids"))

HOSTILE = "%s %% :id ? '\"\\ 京😀 \x00"
EVERYTHING = FilterShape(tags=True, since=True, until=True, listed=True)


@pytest.fixture(params=["asyncmy", "aiomysql"])
def driver(request: pytest.FixtureRequest, migrated_database: dict[str, str]) -> dict[str, str]:
    """SQLite has one driver only; it does not hurt to try it twice."""
    return {**migrated_database, "MYSQL_DRIVER": request.param}


@pytest.fixture
async def database(driver: dict[str, str], settings: MakeSettings) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**driver, mysql_connection_limit=3))
    async with opened.reads() as connection:
        await connection.execute(insert(Users).values(uid="u", password="x", salt="x"))
        await connection.execute(insert(Tags).values(tag_id="t", uid="u", name="x", name_key="x", seq=1))
        for number in range(5):
            memo: dict[str, Any] = {
                "memo_id": f"m{number}",
                "uid": "u",
                "content": f"{number} {HOSTILE}",
                "seq": number,
            }
            memo |= {"tag_ids": ["t", HOSTILE], "is_public": bool(number % 2), "created_at": number - 2}
            await connection.execute(insert(Memos).values(memo))
            await connection.execute(insert(MemoTags).values(memo_id=f"m{number}", tag_id="t", uid="u"))
    yield opened
    await opened.close()


async def test_rows_are_those_of_sqlalchemy(database: Database) -> None:
    values = {"owner": "u", "limit": 3, "offset": 1, "since": -1, "until": 10, "tag_ids": ["t"], "tag_count": 1}
    values["memo_ids"] = ["m1", "m2", "m3", "m4", "no such"]
    async with database.reads() as connection:
        for filters in (FilterShape(), EVERYTHING, FilterShape(public=True), FilterShape(category="none", since=True)):
            page = memos.page_query(filters, SortOrder("updated_at"))
            used = {name: value for name, value in values.items() if name in page.statement.compile().params}
            expected = [tuple(row) for row in await connection.execute(page.statement, used)]
            assert expected
            rows = await page.all(connection, **used)
            assert [tuple(row) for row in rows] == expected
            assert rows[0].content.endswith(HOSTILE)
            assert rows[0].is_public in (True, False)
            count = memos.count_query(filters)
            used = {name: value for name, value in values.items() if name in count.statement.compile().params}
            assert await count.one(connection, **used) == await connection.scalar(count.statement, used)


async def test_values_cannot_become_sql(database: Database) -> None:
    async with database.reads() as connection:
        for hostile in ("' OR 1=1 -- ", "\\' OR 1=1 #", "%s", "m1') OR ('1'='1", "__[POSTCOMPILE_memo_ids]", "?"):
            assert await ONE.all(connection, owner="u", id=hostile) == []
            assert await memos.known_ids(connection, owner="u", memo_ids=[hostile, "m2"]) == {"m2"}


async def test_an_empty_list_finds_nothing(database: Database) -> None:
    async with database.driver_connection() as connection:
        assert await memos.by_ids(connection, owner="u", memo_ids=[]) == []
    await every_answer_is_ones_own(database)


async def test_statements_that_are_run_together_answer_as_each_alone(database: Database) -> None:
    one = Bound(ONE, {"owner": "u", "id": "m3"})
    none = Bound(ONE, {"owner": "u", "id": "no such"})
    async with database.driver_connection() as connection:
        alone = await ONE.all(connection, **one.values)
        assert len(alone) == 1
        assert await read_together(connection, one, none) == (alone, [])
        assert await read_together(connection, None, one) == ([], alone)
        assert await read_together(connection, None, None) == ([], [])
    broken = select(func.no_such_function(Memos.memo_id)).where(Memos.uid == param("owner"))
    with pytest.raises(Exception, match=r"(?i)no_such_function"):
        async with database.driver_connection() as connection:
            await fetch_cells(connection, (ONE.statement, one.values), (broken, {"owner": "u"}))
    await every_answer_is_ones_own(database)


async def test_no_row_is_returned_as_none(database: Database) -> None:
    async with database.reads() as connection:
        assert await memos.get(connection, owner="u", memo_id="no such") is None
        assert await KNOWN_IDS.first(connection, owner="u", memo_ids=["no such"]) is None


async def test_after_a_failure_the_pool_is_as_good_as_before(database: Database) -> None:
    broken = select(func.no_such_function(Memos.memo_id)).where(Memos.uid == param("owner"))
    for _ in range(5):
        with pytest.raises(Exception, match=r"(?i)no_such_function"):
            async with database.reads() as connection:
                await fetch_cells(connection, (broken, {"owner": "u"}))
    await every_answer_is_ones_own(database)


async def every_answer_is_ones_own(database: Database) -> None:
    async def ask(number: int) -> None:
        async with database.reads() as connection:
            row = await memos.get(connection, owner="u", memo_id=f"m{number % 5}")
            assert row is not None and row.content.startswith(f"{number % 5} ")

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert database.pool_status().in_use == 0


@pytest.mark.parametrize("more", [(), (1, 2)], ids=["once", "again"])
async def test_cancelled_at_any_moment_nobody_gets_the_answer_of_another(
    database: Database, more: tuple[int, ...]
) -> None:
    async def ask() -> None:
        async with database.reads() as connection:
            await memos.get(connection, owner="u", memo_id="m0")
            first, second = (Bound(ONE, {"owner": "u", "id": memo_id}) for memo_id in ("m1", "m2"))
            await read_together(connection, first, second)

    place = 1
    while await cancel_at_await(ask(), place, *(place + step for step in more)):
        await every_answer_is_ones_own(database)
        place += 1
    assert place > 2


async def test_other_reads_succeed_while_many_are_cancelled(database: Database) -> None:
    chance = random.Random(7)

    async def ask(number: int) -> None:
        async with database.reads() as connection:
            row = await memos.get(connection, owner="u", memo_id=f"m{number % 5}")
            assert row is not None and row.content.startswith(f"{number % 5} ")

    for _ in range(10):
        tasks = [asyncio.create_task(ask(number)) for number in range(30)]
        for task in chance.sample(tasks, 10):
            await asyncio.sleep(chance.random() * 0.002)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [error for error in results if error and not isinstance(error, asyncio.CancelledError)] == []
    await every_answer_is_ones_own(database)
