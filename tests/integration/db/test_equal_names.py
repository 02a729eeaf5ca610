"""Tags and categories whose names become the same are merged, and nothing is lost wherever that is interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, insert, select

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.migrate import migrate
from aimo.db.migrations.equal_names import has_outdated_keys, merge_equal_names
from aimo.db.schema import Categories, Memos, MemoTags, Model, Tags, Users

MakeSettings = Callable[..., Settings]
Row = dict[str, Any]

# By id: the owner, the name, the key that 1.0.0 gave it, and the color. The ids tell nothing of the age.
TAGS = {
    "z-plain": ("u", "Donau", "donau", None),
    "b-shy": ("u", "Do\u00adnau", "do\u00adnau", "#123456"),
    "a-wide": ("u", "ＤＯＮＡＵ", "ｄｏｎａｕ", "#abcdef"),
    "c-heart": ("u", "❤\ufe0f", "❤\ufe0f", None),
    "d-heart": ("u", "❤", "❤", None),
    "e-other": ("u", "tea", "tea", "#000000"),
    "f-alone": ("u", "①", "①", None),
    "g-stranger": ("v", "Do\u200bnau", "do\u200bnau", None),
    "h-trad": ("u", "說", "說", None),
    "i-simp": ("u", "说", "说", None),
    "k-apart": ("u", "か\u309bめ", "か\u309bめ", None),
    "j-whole": ("u", "がめ", "がめ", "#111111"),
}
CATEGORIES = {
    "y-old": ("u", "ﬁlms", "ﬁlms", None),
    "x-new": ("u", "Films", "films", "#fedcba"),
    "w-other": ("v", "films", "films", None),
}
# By id: the owner, the tags in the client's order, and the category. An unknown tag stays where it is.
MEMOS: dict[str, tuple[str, list[str] | None, str | None]] = {
    "m1": ("u", ["b-shy", "e-other", "z-plain", "unknown"], "x-new"),
    "m2": ("u", ["e-other", "a-wide"], "y-old"),
    "m3": ("u", ["a-wide", "b-shy", "d-heart"], None),
    "m4": ("u", None, None),
    "m5": ("v", ["g-stranger"], "w-other"),
    "m6": ("u", ["f-alone", "h-trad", "i-simp"], None),
    "m7": ("u", ["e-other", "j-whole"], None),
    "m8": ("u", ["k-apart"], None),
}
MERGED_TAGS = {
    "z-plain": ("Donau", "donau", "#123456", 3),
    "c-heart": ("❤\ufe0f", "❤", None, 1),
    "e-other": ("tea", "tea", "#000000", 3),
    "f-alone": ("①", "1", None, 1),
    "g-stranger": ("Do\u200bnau", "donau", None, 1),
    "h-trad": ("說", "說", None, 1),
    "i-simp": ("说", "说", None, 1),
    "k-apart": ("か\u309bめ", "がめ", "#111111", 2),
}
MERGED_CATEGORIES = {"y-old": ("ﬁlms", "films", "#fedcba"), "w-other": ("films", "films", None)}
MERGED_MEMOS = {
    "m1": (["z-plain", "e-other", "unknown"], "y-old"),
    "m2": (["e-other", "z-plain"], "y-old"),
    "m3": (["z-plain", "c-heart"], None),
    "m4": (None, None),
    "m5": (["g-stranger"], "w-other"),
    "m6": (["f-alone", "h-trad", "i-simp"], None),
    "m7": (["e-other", "k-apart"], None),
    "m8": (["k-apart"], None),
}


@pytest.fixture
async def database(migrated_database: dict[str, str], settings: MakeSettings) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**migrated_database))
    await fill(opened)
    yield opened
    await opened.close()


async def fill(database: Database) -> None:
    """As 1.0.0 left it."""
    links = [
        {"memo_id": memo_id, "tag_id": tag_id, "uid": uid}
        for memo_id, (uid, tag_ids, _) in MEMOS.items()
        for tag_id in tag_ids or ()
        if tag_id in TAGS
    ]
    rows: dict[type[Model], list[Row]] = {
        Users: [{"uid": uid, "password": "-", "salt": "-"} for uid in "uv"],
        Categories: [named("category_id", seq, item) for seq, item in enumerate(CATEGORIES.items())],
        Tags: [
            named("tag_id", seq, item) | {"usage_count": sum(link["tag_id"] == item[0] for link in links)}
            for seq, item in enumerate(TAGS.items())
        ],
        Memos: [
            {"memo_id": memo_id, "uid": uid, "content": "", "tag_ids": tag_ids, "category_id": category_id, "seq": 1}
            for memo_id, (uid, tag_ids, category_id) in MEMOS.items()
        ],
        MemoTags: links,
    }
    async with database.reads() as connection:
        await connection.execute(delete(Users))
        for table, values in rows.items():
            await connection.execute(insert(table), values)


def named(key: str, seq: int, item: tuple[str, tuple[str, str, str, str | None]]) -> Row:
    row_id, (uid, name, name_key, color) = item
    # Of the same moment: the order of creation decides.
    return {key: row_id, "uid": uid, "name": name, "name_key": name_key, "color": color, "seq": seq, "created_at": 1000}


async def assert_merged(database: Database) -> None:
    async with database.reads() as connection:
        tags = await connection.execute(select(Tags.tag_id, Tags.name, Tags.name_key, Tags.color, Tags.usage_count))
        assert {row[0]: tuple(row[1:]) for row in tags} == MERGED_TAGS
        found = await connection.execute(
            select(Categories.category_id, Categories.name, Categories.name_key, Categories.color)
        )
        assert {row[0]: tuple(row[1:]) for row in found} == MERGED_CATEGORIES
        memos = await connection.execute(select(Memos.memo_id, Memos.tag_ids, Memos.category_id))
        assert {row[0]: (row[1], row[2]) for row in memos} == MERGED_MEMOS
        links = await connection.execute(select(MemoTags.memo_id, MemoTags.tag_id, MemoTags.uid))
        assert sorted(map(tuple, links)) == sorted(
            (memo_id, tag_id, MEMOS[memo_id][0])
            for memo_id, (tag_ids, _) in MERGED_MEMOS.items()
            for tag_id in tag_ids or ()
            if tag_id in MERGED_TAGS
        )


async def merge(database: Database, work: Callable[[Connection], None] = merge_equal_names) -> None:
    async with database.engine.connect() as connection:
        await connection.run_sync(work)


@pytest.mark.parametrize(("before", "revision"), [("0052", "0053"), ("0074", "0075")])
async def test_the_oldest_of_equal_names_stays_with_everything_of_the_others(
    database: Database, before: str, revision: str
) -> None:
    async with database.reads() as connection:
        assert await connection.run_sync(has_outdated_keys)
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{before}'")
    assert (await migrate(database))[0] == revision
    async with database.reads() as connection:
        assert not await connection.run_sync(has_outdated_keys)
    await assert_merged(database)
    await merge(database)
    await assert_merged(database)


class Killed(Exception):
    pass


async def test_a_merge_that_dies_before_any_statement_is_finished_by_the_next(database: Database) -> None:
    """Each statement is committed by itself, as on MySQL during a migration."""

    def run_statements(connection: Connection, number: int) -> bool:
        left = number

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        event.listen(connection, "before_cursor_execute", count)
        try:
            merge_equal_names(connection)
        except Killed:
            return False
        finally:
            event.remove(connection, "before_cursor_execute", count)
        return True

    number, finished = 0, False
    while not finished:
        await fill(database)
        async with database.engine.connect() as connection:
            finished = await connection.run_sync(run_statements, number)
            number += 3
        await merge(database)
        await assert_merged(database)
    assert number > 40


async def test_a_key_that_was_edited_by_hand_is_no_obstacle(database: Database) -> None:
    async with database.reads() as connection:
        await connection.execute(insert(Tags).values(tag_id="j", uid="u", name="edited", name_key="1", seq=99))
    await merge(database)
    async with database.reads() as connection:
        keys = {row[0]: row[1] for row in await connection.execute(select(Tags.tag_id, Tags.name_key))}
    assert keys["j"] == "edited"
    assert keys["f-alone"] == "1"
