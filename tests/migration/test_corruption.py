"""One value changed by hand in the target, in any column of any table, is found and named."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pytest
from sqlalchemy import JSON, Boolean, Integer, Table, bindparam, select, text, update

from aimo.cli.migration_run import migrate_source
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.queries.migration import key_of
from aimo.db.types import Millis
from aimo.legacy.plan.options import Options
from aimo.legacy.plan.run_plan import MAPPERS

from .source_builder import DIMENSION, MOMENT, TABLES, ident, plain_rows, vector_type, write


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


async def corrupt(database: Database, table: Table, columns: Collection[str], first: int) -> list[tuple[str, str, str]]:
    """Change each of these columns in a row of its own; say which."""
    key = key_of(table)
    damaged = []
    async with database.engine.connect() as connection:
        await connection.execute(text("PRAGMA foreign_keys=OFF" if database.is_sqlite else "SET foreign_key_checks=0"))
        rows = (await connection.execute(select(table).order_by(key))).mappings().all()
        for number, column in enumerate(column for column in table.columns if column.name in columns):
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
    rows["multimodal_embedding_cache"] = [
        {"modelHash": "m", "contentHash": f"c{i}", "modalityType": "image", "embedding": [i + 0.5] * 1024}
        | {"createdAt": MOMENT}
        for i in range(5)
    ]
    write(tmp_path / "old", rows, types={("multimodal_embedding_cache", "embedding"): vector_type(1024)})
    target = settings(openai_api_key="unused", openai_embedding_dimensions=DIMENSION, **database)
    report = await migrate_source(target, Options(source=str(tmp_path / "old")))
    assert report.exit_code == 0, report.content["verification"]["mismatches"][:5]
    return target, Options(source=str(tmp_path / "old"), verify_only=True)


async def found(target: Settings, verify: Options) -> tuple[int, set[tuple[str, str, str]]]:
    report = await migrate_source(target, verify)
    mismatches = report.content["verification"]["mismatches"]
    assert report.state == ("mismatched" if mismatches else "validated")
    return report.exit_code, {(one["table"], one["key"], one["column"]) for one in mismatches}


async def test_a_change_of_any_column_is_found_by_the_verification(moved: tuple[Settings, Options]) -> None:
    target, verify = moved
    assert await found(target, verify) == (0, set())
    database = await Database.open(target)
    try:
        # Far from each other, so that no damaged row refers to another damaged one.
        damaged = {
            one
            for place, mapper in enumerate(mapper for mapper in MAPPERS if mapper.source in TABLES)
            for one in await corrupt(database, mapper.table, {*mapper.hashed[-1]} - {mapper.key}, place * 17)
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


# What LanceDB holds: the table, its key, a row of it, and every column that may be damaged.
IN_LANCEDB: list[tuple[str, str, str | None, tuple[str, ...]]] = [
    ("memo_vectors", "memoId", ident("m", 17), ("uid", "embedding")),
    ("attachment_vectors", "attachmentId", ident("a", 2), ("uid", "multimodalEmbedding")),
    ("memo_texts", "memoId", ident("m", 18), ("uid", "content")),
    ("embedding_cache", "contentHash", None, ("embedding", "createdAt")),
    ("multimodal_embedding_cache", "contentHash", "c3", ("embedding", "createdAt")),
]


async def test_every_column_of_vectors_texts_and_caches_is_watched(moved: tuple[Settings, Options]) -> None:
    target, verify = moved
    database = lancedb.connect(target.lancedb_uri)
    damaged = set()
    for name, key, row_id, columns in IN_LANCEDB:
        handle = database.open_table(name)
        rows = handle.search().limit(None).to_arrow().to_pylist()
        first = next(i for i, row in enumerate(rows) if row_id in (None, row[key]))
        for place, column in enumerate(columns):
            row = rows[(first + place) % len(rows)]
            chosen = f"{key} = '{row[key]}'"
            if isinstance(row[column], list):
                value = row[column]
                handle.update(
                    where=chosen, values={column: [*value[:-1], float(np.nextafter(np.float32(value[-1]), 9))]}
                )
            elif column == "createdAt":
                handle.update(where=chosen, values_sql={column: "arrow_cast(1, 'Timestamp(Millisecond, None)')"})
            else:
                handle.update(where=chosen, values={column: "x"})
            damaged.add((name, row[key], column))
    code, named = await found(target, verify)
    assert code == 1
    missed = [one for one in damaged if not any(one[0] == n[0] and one[1] in n[1] and one[2] == n[2] for n in named)]
    assert missed == []


async def test_missing_and_added_rows_of_lancedb_are_named(moved: tuple[Settings, Options]) -> None:
    target, verify = moved
    database = lancedb.connect(target.lancedb_uri)
    gone = set()
    for name, key, row_id, _ in IN_LANCEDB:
        handle = database.open_table(name)
        chosen = row_id or handle.search().limit(1).to_list()[0][key]
        handle.delete(f"{key} = '{chosen}'")
        gone.add((name, chosen, key))
    vectors = database.open_table("memo_vectors")
    vectors.add([{"memoId": "stray", "uid": "x", "embedding": [1.0] * DIMENSION}])
    code, named = await found(target, verify)
    assert code == 1
    missed = [one for one in gone if not any(one[0] == n[0] and one[1] in n[1] and one[2] == n[2] for n in named)]
    assert missed == []
    assert ("memo_vectors", "stray", "memoId") in named
