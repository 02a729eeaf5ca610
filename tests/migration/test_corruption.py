"""One value changed by hand in the target, in any column of any table, is found and named."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lancedb
import pytest
from sqlalchemy import JSON, Boolean, Integer, Table, bindparam, select, text, update

from aimo.cli.migration_run import migrate_source
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.queries.migration import key_of
from aimo.db.types import Millis
from aimo.legacy.options import Options
from aimo.legacy.plan import MAPPERS

from .sources import DIMENSION, ident, plain_rows, write


def other(value: Any, column: Any, number: int) -> Any:
    """A value that differs as little as possible."""
    if isinstance(column.type, Boolean):
        return not value
    if isinstance(column.type, JSON):
        return [*value, "x"] if isinstance(value, list) else {"x": number}
    if isinstance(column.type, Millis):
        return value + 1
    if isinstance(column.type, Integer):
        return value + 1
    if value is None:
        return ""
    return f"{value[:5]}!{number}"


async def corrupt(database: Database, table: Table, first: int) -> list[tuple[str, str, str]]:
    """Change each column in a row of its own; say which."""
    key = key_of(table)
    damaged = []
    async with database.engine.connect() as connection:
        await connection.execute(text("PRAGMA foreign_keys=OFF" if database.is_sqlite else "SET foreign_key_checks=0"))
        rows = (await connection.execute(select(table).order_by(key))).mappings().all()
        for number, column in enumerate(column for column in table.columns if column is not key):
            row = rows[(first + number) % len(rows)]
            statement = (
                update(table)
                .where(key == bindparam("which"))
                .values({column.name: bindparam("new", type_=column.type)})
            )
            await connection.execute(statement, {"which": row[key], "new": other(row[column], column, number)})
            damaged.append((str(table.name), str(row[key]), str(column.name)))
        await connection.execute(text("PRAGMA foreign_keys=ON" if database.is_sqlite else "SET foreign_key_checks=1"))
    return damaged


@pytest.fixture
async def moved(
    settings: Callable[..., Settings], database: dict[str, str], tmp_path: Path
) -> tuple[Settings, Options]:
    rows = plain_rows(random.Random(5), 60)
    for attachment in rows["attachments"][:5]:
        attachment["multimodalEmbedding"] = [0.25] * DIMENSION
    write(tmp_path / "old", rows)
    target = settings(openai_api_key="unused", openai_embedding_dimensions=DIMENSION, **database)
    report = await migrate_source(target, Options(source=str(tmp_path / "old")))
    assert report.exit_code == 0, report.content["verification"]["mismatches"][:5]
    return target, Options(source=str(tmp_path / "old"), verify_only=True)


async def found(target: Settings, verify: Options) -> tuple[int, set[tuple[str, str, str]]]:
    report = await migrate_source(target, verify)
    mismatches = report.content["verification"]["mismatches"]
    assert report.state == ("mismatched" if mismatches else "validated")
    return report.exit_code, {(one["table"], one["key"], one["column"]) for one in mismatches}


async def test_every_column_of_every_table_is_watched(moved: tuple[Settings, Options]) -> None:
    target, verify = moved
    assert await found(target, verify) == (0, set())
    database = await Database.open(target)
    try:
        # Far from each other, so that no damaged row refers to another damaged one.
        damaged = {
            one for place, mapper in enumerate(MAPPERS) for one in await corrupt(database, mapper.table, place * 17)
        }
    finally:
        await database.close()
    code, named = await found(target, verify)
    assert code == 1
    assert damaged - named == set()


async def test_missing_and_added_rows_are_named(moved: tuple[Settings, Options]) -> None:
    target, verify = moved
    database = await Database.open(target)
    try:
        async with database.engine.connect() as connection:
            await connection.execute(text(f"UPDATE push_rules SET id = 'other' WHERE id = '{ident('push', 4)}'"))
            await connection.execute(text(f"DELETE FROM ai_messages WHERE message_id = '{ident('msg', 9)}'"))
            await connection.execute(text(f"DELETE FROM memo_tags WHERE tag_id = '{ident('t', 11)}'"))
            await connection.execute(text(f"UPDATE memos SET tag_ids = NULL WHERE memo_id = '{ident('m', 12)}'"))
    finally:
        await database.close()
    code, named = await found(target, verify)
    assert code == 1
    assert named >= {
        ("push_rules", ident("push", 4), "id"),
        ("push_rules", "other", "id"),
        ("ai_messages", ident("msg", 9), "message_id"),
    }


@pytest.mark.parametrize(
    ("table", "key", "where", "column", "value"),
    [
        ("memo_vectors", ident("m", 17), "memoId", "embedding", "array_append(array_slice(embedding, 1, 7), 0.5)"),
        ("attachment_vectors", ident("a", 2), "attachmentId", "uid", "'somebody'"),
        ("memo_texts", ident("m", 18), "memoId", "content", "'x'"),
        ("memo_texts", ident("m", 19), "memoId", "uid", "'x'"),
        ("embedding_cache", None, "contentHash", "embedding", "array_append(array_slice(embedding, 1, 7), 0.5)"),
    ],
)
async def test_vectors_texts_and_caches_are_watched(
    moved: tuple[Settings, Options], table: str, key: str | None, where: str, column: str, value: str
) -> None:
    target, verify = moved
    handle = lancedb.connect(target.lancedb_uri).open_table(table)
    chosen = key or handle.search().limit(1).to_list()[0][where]
    if column == "embedding":
        row = handle.search().where(f"{where} = '{chosen}'").limit(1).to_list()[0]
        handle.update(where=f"{where} = '{chosen}'", values={column: [*row[column][:-1], row[column][-1] + 0.001]})
    else:
        handle.update(where=f"{where} = '{chosen}'", values_sql={column: value})
    code, named = await found(target, verify)
    assert code == 1
    assert any(one[0] == table and chosen in one[1] and one[2] == column for one in named), named
