from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from tests.integration.vectors.conftest import OpenStore, same_vector

from aimo.vectors.store import VectorStore
from aimo.vectors.upkeep import UpkeepPolicy


async def test_concurrent_writes_of_the_same_ids_never_duplicate(store: VectorStore, rng: np.random.Generator) -> None:
    async def write(turn: int) -> None:
        await store.memo_vectors.upsert([(f"m{i}", "u", np.full(8, turn + 1)) for i in range(5)])
        await store.memo_texts.upsert([(f"m{i}", "u", f"turn {turn}") for i in range(5)])

    await asyncio.gather(*(write(turn) for turn in range(30)))
    assert await store.memo_vectors.count() == 5
    assert await store.memo_texts.count() == 5
    assert await store.memo_vectors.duplicates() == []


async def test_a_cancelled_write_finishes_alone_and_the_next_one_replaces_it(
    store: VectorStore, rng: np.random.Generator
) -> None:
    for turn in range(25):
        task = asyncio.create_task(store.memo_vectors.upsert([("m", "u", np.full(8, turn + 1))]))
        await asyncio.sleep(turn * 0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.memo_vectors.upsert([("m", "u", [turn + 1, 1, 0, 0, 0, 0, 0, 0])])
    assert await store.memo_vectors.count() == 1
    assert same_vector(await store.memo_vectors.get("u", "m"), [25, 1, 0, 0, 0, 0, 0, 0])


async def test_closing_waits_for_a_write_that_was_cancelled(open_store: OpenStore) -> None:
    store = await open_store()
    task = asyncio.create_task(store.memo_vectors.upsert([("m", "u", np.ones(8))]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
    assert await (await open_store()).memo_vectors.count() == 1


async def test_another_process_sees_every_commit_at_once(open_store: OpenStore) -> None:
    writer, reader = await open_store(), await open_store()
    for i in range(10):
        await writer.memo_vectors.upsert([(f"m{i}", "u", np.ones(8))])
        await writer.memo_texts.upsert([(f"m{i}", "u", f"number{i}")])
        assert await reader.memo_vectors.count("u") == i + 1
        assert await reader.memo_texts.containing("u", [f"number{i}"]) == [f"m{i}"]
    await writer.memo_vectors.delete(["m0"])
    assert "m0" not in {hit.id for hit in await reader.memo_vectors.search("u", np.ones(8), 20)}


@pytest.mark.parametrize("nightly", [False, True])
async def test_upkeep_during_writes_loses_and_duplicates_nothing(open_store: OpenStore, nightly: bool) -> None:
    store = await open_store(policy=UpkeepPolicy(commits=10))
    chance = random.Random(3)
    expected: dict[str, int] = {}
    done = asyncio.Event()

    async def write() -> None:
        for turn in range(1, 150):
            ids = {f"m{chance.randrange(300)}" for _ in range(chance.choice([1, 1, 30]))}
            if chance.random() < 0.2:
                await store.memo_vectors.delete(list(ids))
                await store.memo_texts.delete(list(ids))
                expected_now = {key: value for key, value in expected.items() if key not in ids}
                expected.clear()
                expected.update(expected_now)
            else:
                await store.memo_vectors.upsert([(row_id, "u", np.full(8, turn)) for row_id in ids])
                await store.memo_texts.upsert([(row_id, "u", f"turn {turn}.") for row_id in ids])
                expected.update(dict.fromkeys(ids, turn))
        done.set()

    async def keep_up() -> None:
        while not done.is_set():
            await (store.optimize() if nightly else store.upkeep())
            await asyncio.sleep(0.01)

    await asyncio.gather(write(), keep_up())
    assert store.memo_vectors.commits > 150
    rows = await store.memo_vectors.rows().to_arrow()
    stored = {row["memoId"]: int(row["embedding"][0]) for row in rows.to_pylist()}
    assert rows.num_rows == len(stored)
    assert stored == expected
    texts = await store.memo_texts.rows().to_arrow()
    assert {row["memoId"]: row["content"] for row in texts.to_pylist()} == {
        row_id: f"turn {turn}." for row_id, turn in expected.items()
    }
    assert texts.num_rows == len(expected)


async def test_duplicates_are_found_and_can_be_repaired(store: VectorStore) -> None:
    table = store.memo_vectors
    await table.upsert([("m", "u", np.ones(8)), ("n", "u", np.ones(8))])
    await table.handle.add(await table.handle.query().where("memoId = 'm'").to_arrow())
    assert await table.duplicates() == ["m"]
    await table.delete(["m"])
    await table.upsert([("m", "u", np.ones(8))])
    assert await table.duplicates() == []
    assert await table.count() == 2
