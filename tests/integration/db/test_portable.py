"""What MySQL and SQLite say in different words means the same on both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, cast

import pytest
from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from tests.support.mariadb import MariaDB

from aimo import clock
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.dialect_sql import insert_new
from aimo.db.queries import tags
from aimo.db.schema import Memos, MemoTags, Tags, Users
from aimo.db.types import now_utc, unique_key

MakeSettings = Callable[..., Settings]

# Wildcards, quotes, escapes, and ids that differ from one another by one of them alone.
HOSTILE = [
    "t_1",
    "tX1",
    "t%1",
    "tXX1",
    "t|1",
    "t|_1",
    "t||1",
    "t'1",
    't"1',
    "t\\1",
    "t\\_1",
    "$[0]",
    "T_1",
    "t__1",
    "%",
]


@pytest.fixture(params=["asyncmy", "aiomysql"])
async def mysql(
    request: pytest.FixtureRequest, mariadb: MariaDB, mysql_template: str, settings: MakeSettings
) -> AsyncIterator[Database]:
    chosen = mariadb.create_database(like=mysql_template)
    opened = await Database.open(settings(**chosen, mysql_driver=request.param))
    yield opened
    await opened.close()


@pytest.fixture
async def database(migrated_database: dict[str, str], settings: MakeSettings) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**migrated_database))
    yield opened
    await opened.close()


async def execute(database: Database, statement: Any, values: Any = None) -> Any:
    async with database.reads() as connection:
        return await connection.execute(statement, values)


async def a_user(database: Database, **values: Any) -> None:
    await execute(database, insert(Users).values({"uid": "u", "password": "x", "salt": "x", **values}))


async def tagged_memo(database: Database, tag_ids: list[str] | None, attached: list[str]) -> None:
    await a_user(database)
    for number, tag_id in enumerate(attached):
        await execute(database, insert(Tags).values(tag_id=tag_id, uid="u", name="x", name_key=str(number), seq=number))
    await execute(database, insert(Memos).values(memo_id="m", uid="u", content="x", tag_ids=tag_ids, seq=1))
    for tag_id in attached:
        await execute(database, insert(MemoTags).values(memo_id="m", tag_id=tag_id, uid="u"))


async def tag_ids_of_memo(database: Database) -> Any:
    return (await execute(database, select(Memos.tag_ids))).scalar_one()


async def forget(database: Database, tag_id: str, owner: str = "u") -> None:
    async with database.reads() as connection:
        await tags.remove_from_memos(connection, owner=owner, tag_id=tag_id)


async def forgets_exactly_one_each_time(database: Database) -> None:
    left = list(HOSTILE)
    await tagged_memo(database, left, left)
    for tag_id in reversed(HOSTILE):
        await forget(database, tag_id)
        left.remove(tag_id)
        assert await tag_ids_of_memo(database) == left, tag_id


async def test_a_deleted_tag_leaves_the_list_and_no_other_does(database: Database) -> None:
    await forgets_exactly_one_each_time(database)


async def test_the_same_with_each_driver(mysql: Database) -> None:
    await forgets_exactly_one_each_time(mysql)


async def test_a_list_without_the_tag_stays_as_it_is(database: Database) -> None:
    await tagged_memo(database, ["gone", "kept"], ["t"])
    await forget(database, "t")
    assert await tag_ids_of_memo(database) == ["gone", "kept"]


async def test_no_list_stays_none(database: Database) -> None:
    await tagged_memo(database, None, ["t"])
    await forget(database, "t")
    assert await tag_ids_of_memo(database) is None


async def test_a_tag_is_forgotten_for_its_owner_only(database: Database) -> None:
    await tagged_memo(database, ["t"], ["t"])
    await forget(database, "t", owner="somebody else")
    assert await tag_ids_of_memo(database) == ["t"]


def new_tag(**values: Any) -> Any:
    row = {"tag_id": "t1", "uid": "u", "name": "x", "name_key": "x", "color": "new", "seq": 1, **values}
    return insert_new(cast(Table, Tags.__table__)).values(row)


async def test_a_row_whose_key_exists_is_left_as_it_is(database: Database) -> None:
    await a_user(database)
    await execute(database, new_tag(color="old"))
    await execute(database, new_tag(tag_id="t1", name_key="y"))
    await execute(database, new_tag(tag_id="t2", name_key="x"))
    await execute(database, new_tag(tag_id="t3", name_key="z"))
    rows = (await execute(database, select(Tags.tag_id, Tags.name_key, Tags.color).order_by(Tags.tag_id))).all()
    assert [tuple(row) for row in rows] == [("t1", "x", "old"), ("t3", "z", "new")]


@pytest.mark.parametrize("wrong", [{"uid": "nobody"}, {"name": None}], ids=["foreign key", "null"])
async def test_every_other_error_comes_through(database: Database, wrong: dict[str, Any]) -> None:
    await a_user(database)
    with pytest.raises(IntegrityError):
        await execute(database, new_tag(**wrong))


async def test_what_is_too_long_is_refused_not_cut(mysql: Database) -> None:
    await a_user(mysql)
    with pytest.raises(DBAPIError, match="Data too long"):
        await execute(mysql, new_tag(name_key="x" * 192))


MOMENTS = [
    clock.EARLIEST_MS,
    clock.to_ms(datetime(1000, 2, 28, 23, 59, 59, 999_000)),
    clock.to_ms(datetime(1969, 12, 31, 23, 59, 59, 999_000)),
    0,
    1,
    clock.to_ms(datetime(2000, 2, 29, 12, 0, 0, 100_000)),
    clock.to_ms(datetime(2024, 3, 31, 2, 30, 0, 7_000)),
    clock.to_ms(datetime(2038, 1, 19, 3, 14, 8)),
    clock.to_ms(datetime(2039, 1, 1, 0, 0, 0, 1_000)),
    1_700_000_000_120,
    clock.LATEST_MS,
]


async def times_come_back(database: Database) -> None:
    await a_user(database)
    for number, moment in enumerate(MOMENTS):
        row = {"memo_id": f"m{number:02}", "uid": "u", "content": "x", "seq": 1, "created_at": moment}
        await execute(database, insert(Memos).values(row))
    in_order = (await execute(database, select(Memos.created_at).order_by(Memos.created_at))).scalars().all()
    assert in_order == sorted(MOMENTS)
    for moment in MOMENTS:
        found = select(func.count()).where(Memos.created_at >= moment, Memos.created_at <= moment)
        assert (await execute(database, found)).scalar_one() == 1


async def test_times_are_kept_to_the_millisecond_from_the_year_1000_to_9999(database: Database) -> None:
    await times_come_back(database)


async def test_times_are_kept_by_each_driver(mysql: Database) -> None:
    await times_come_back(mysql)


async def test_the_database_tells_utc_to_the_millisecond(database: Database) -> None:
    """The tests' MariaDB believes to be in UTC+8."""
    await a_user(database)
    for query in (select(now_utc()), select(Users.created_at)):
        told: int = (await execute(database, query)).scalar_one()
        assert abs(told - clock.now_ms()) < 5_000
    asked = [(await execute(database, select(now_utc()))).scalar_one() for _ in range(20)]
    assert any(moment % 1000 for moment in asked)


# Values that somebody's collation or padding takes for equal.
DISTINCT = [
    "a@b.c", "A@b.c", "a@b.c ", "a@b.c  ", " a@b.c", "a@b.c\t", "ä@b.c", "a\u0308@b.c", "😀", "🎉", "ß", "ss", "",
    "\u0000", "a\u0000", "a", "\u200b", "ﬁ", "fi", "x" * 120, "x" * 121, "x" * 500, "x" * 500 + " ", "x" * 500 + "y",
]  # fmt: skip


async def test_keys_are_equal_when_the_values_are_and_never_else(database: Database) -> None:
    for number, value in enumerate(DISTINCT):
        await a_user(database, uid=f"u{number}", email=value, email_key=unique_key(value))
    for number, value in enumerate(DISTINCT):
        with pytest.raises(IntegrityError):
            await a_user(database, uid=f"again{number}", email=value, email_key=unique_key(value))
        found = await execute(database, select(Users.uid, Users.email).where(Users.email_key == unique_key(value)))
        assert [tuple(row) for row in found] == [(f"u{number}", value)]


async def test_ids_are_told_apart_byte_by_byte(database: Database) -> None:
    for uid in ("aB", "ab", "AB", "a_", "a%"):
        await a_user(database, uid=uid)
    for uid in ("aB", "ab", "AB", "a_", "a%"):
        assert (await execute(database, select(Users.uid).where(Users.uid == uid))).scalars().all() == [uid]


async def test_text_is_kept_whole(database: Database) -> None:
    """More than TEXT holds, and characters of four bytes, quotes and escapes."""
    content = "京\n😀'\"\\%s :name %% \x01" * 9_000
    await a_user(database)
    await execute(database, insert(Memos).values(memo_id="m", uid="u", content=content, seq=1))
    assert (await execute(database, select(Memos.content))).scalar_one() == content
    assert (await execute(database, text("SELECT COUNT(*) FROM memos"))).scalar_one() == 1
