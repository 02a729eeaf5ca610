"""Texts that an earlier release has folded are folded again by themselves, and are found meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, select
from tests.support.waiting import eventually_async

from aimo.config import Settings
from aimo.db.schema import Memos, OutboxEntries, Tags, Users
from aimo.folding import fold, fold_as_before
from aimo.runtime import Runtime
from aimo.vectors import schemas, text_table

MEMOS = {
    "shy": "Donau\u00addampf\u00adschiff",
    "heart": "I ❤\ufe0f tea",
    "plain": "❤ and tea",
    "persian": "می\u200cخواهم",
    "capital": "İstanbul",
    "apart": "か\u309bめ",
}
QUERIES = {
    "Donau\u00addampf": {"shy"},
    "❤\ufe0f tea": {"heart"},
    "❤\ufe0f": {"heart", "plain"},
    "می\u200cخواهم": {"persian"},
    "İstanbul": {"capital"},
    "か\u309b": {"apart"},
    "がめ": {"apart"},
    "tea": {"heart", "plain"},
}


async def as_before(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill both stores as 1.0.0 would have, with a vector that is nowhere else."""
    stores = runtime.stores
    async with stores.database.reads() as connection:
        await connection.execute(insert(Users).values(uid="u", password="-", salt="-"))
        rows: list[dict[str, Any]] = [
            {"memo_id": memo_id, "uid": "u", "content": content, "seq": 1} for memo_id, content in MEMOS.items()
        ]
        await connection.execute(insert(Memos), rows)
    texts = stores.vectors.memo_texts
    await stores.vectors.raise_fence()
    with monkeypatch.context() as patched:
        patched.setattr(text_table, "fold", fold_as_before)
        await texts.upsert([(memo_id, "u", content) for memo_id, content in MEMOS.items()])
    table = stores.vectors.memo_vectors
    await table.upsert([(memo_id, "u", np.eye(table.dimension)[0]) for memo_id in MEMOS])
    forgotten: dict[str, object] = {"path": "content", "metadata": {schemas.FOLDING_KEY.decode(): None}}
    await texts.handle.update_field_metadata(forgotten)
    assert not await texts.is_folded()


async def test_texts_of_an_earlier_release_are_folded_again_and_found_meanwhile(
    settings: Callable[..., Settings], migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local")
    async with Runtime(chosen, worker=False) as runtime:
        await as_before(runtime, monkeypatch)
        texts = runtime.stores.vectors.memo_texts
        for query, expected in QUERIES.items():
            found = set(await texts.containing("u", [query]))
            assert found <= expected
            assert found >= {memo_id for memo_id in expected if fold_as_before(query) in fold_as_before(MEMOS[memo_id])}
            # The query as it is, and its terms: what fits the query is not lost to the terms.
            strict, loose = await texts.ids_containing_each_list("u", [[query], fold(query).split()])
            assert found == set(strict)
            assert found <= set(loose)
        # A process of that release has created a tag since the schema was migrated.
        async with runtime.stores.database.reads() as connection:
            tags = [("t1", "tea", "tea"), ("t2", "ＴＥＡ", "ｔｅａ")]
            for number, (tag_id, name, key) in enumerate(tags):
                row = {"tag_id": tag_id, "uid": "u", "name": name, "name_key": key, "seq": number, "created_at": 0}
                await connection.execute(insert(Tags).values(row))

    async with Runtime(chosen) as runtime:
        stores = runtime.stores
        texts, database = stores.vectors.memo_texts, stores.database

        async def done() -> bool:
            async with database.reads() as connection:
                waiting = (await connection.execute(select(OutboxEntries.entry_id))).all()
            return await texts.is_folded() and not waiting

        await eventually_async(done, "all texts are folded again")
        assert {row[0]: row[2] for row in await texts.contents(list(MEMOS))} == {
            memo_id: fold(content) for memo_id, content in MEMOS.items()
        }
        for query, expected in QUERIES.items():
            assert set(await texts.containing("u", [query])) == expected
        assert set(await texts.containing("u", ["donaudampfschiff"])) == {"shy"}
        vectors = await stores.vectors.memo_vectors.vectors(list(MEMOS))
        assert {memo_id: float(vector[0]) for memo_id, _, vector in vectors} == dict.fromkeys(MEMOS, 1.0)
        async with database.reads() as connection:
            assert [tuple(row) for row in await connection.execute(select(Tags.tag_id, Tags.name_key))] == [
                ("t1", "tea")
            ]
