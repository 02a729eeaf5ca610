"""LanceDB refuses what a process writes that was overtaken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pyarrow as pa
import pytest
from tests.integration.vectors.conftest import DIMENSION, OpenStore

from aimo.vectors.archive import read_rows
from aimo.vectors.bulk_copy import append_rows
from aimo.vectors.fence import FencedError, fence_row, next_token
from aimo.vectors.store import VectorStore

Write = Callable[[VectorStore], Awaitable[object]]


def _vector(number: int) -> list[float]:
    return [float(number + 1)] + [1.0] * (DIMENSION - 1)


def _rows(store: VectorStore, row_id: str) -> pa.Table:
    row = fence_row(store.memo_vectors.layout.schema, "u")
    return row.set_column(0, row.schema.field(0), pa.array([row_id]))


WRITES: dict[str, Write] = {
    "changed text": lambda store: store.memo_texts.upsert([("old", "u", "outdated")]),
    "new text": lambda store: store.memo_texts.upsert([("deleted meanwhile", "u", "outdated")]),
    "changed and new vectors": lambda store: store.memo_vectors.upsert(
        [("old", "u", _vector(7)), ("x", "u", _vector(8))]
    ),
    "deletion": lambda store: store.memo_texts.delete(["old"]),
    "deletion of what is not there": lambda store: store.memo_vectors.delete(["nobody"]),
    "clearing": lambda store: store.memo_vectors.clear(),
    "another model": lambda store: store.memo_vectors.recreate("another", 16),
    "appended rows": lambda store: append_rows(store.memo_vectors, _rows(store, "appended")),
}


async def _content(store: VectorStore) -> object:
    texts = await store.memo_texts.rows().to_arrow()
    vectors = await store.memo_vectors.rows().to_arrow()
    return sorted(map(str, [*texts.to_pylist(), *vectors.to_pylist()]))


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_an_overtaken_process_writes_nothing(open_store: OpenStore, write: Write) -> None:
    overtaken, successor = await open_store(), await open_store()
    await overtaken.memo_texts.upsert([("old", "u", "first")])
    await overtaken.memo_vectors.upsert([("old", "u", _vector(1))])
    await successor.raise_fence()
    before = await _content(successor)
    with pytest.raises(FencedError):
        await write(overtaken)
    assert await _content(successor) == before
    assert not overtaken.is_writer
    assert successor.is_writer
    with pytest.raises(FencedError, match="not the writer"):
        await write(overtaken)
    await overtaken.raise_fence()
    await write(overtaken)
    assert (await _content(successor) == before) is (write is WRITES["deletion of what is not there"])


async def test_who_overtakes_in_the_middle_of_writes_is_the_last_to_write(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(2)]
    for turn in range(6):
        overtaken, successor = stores[turn % 2], stores[1 - turn % 2]
        await overtaken.raise_fence()

        async def write(store: VectorStore = overtaken, turn: int = turn) -> None:
            for number in range(1000):
                await store.memo_texts.upsert([("m", "u", f"{turn}"), (f"n{turn}.{number}", "u", "new")])
                await store.memo_texts.delete([f"n{turn}.{number}"])

        writing = asyncio.create_task(write())
        await asyncio.sleep(0.01 * (turn % 4))
        await successor.raise_fence()
        await successor.memo_texts.upsert([("m", "u", f"{turn} successor"), ("both", "u", "once")])
        rows = await _content(successor)
        with pytest.raises(FencedError):
            await writing
        assert await _content(successor) == rows
        assert await successor.memo_texts.duplicates() == []
    assert [text for _, _, text in await stores[0].memo_texts.contents(["m"])] == ["5 successor"]


async def test_a_folder_without_fence_rows_gets_them_and_keeps_its_rows(open_store: OpenStore) -> None:
    store = await open_store()
    await store.memo_texts.upsert([("m", "u", "kept")])
    await store.memo_texts.handle.delete("memoId = ' fence'")
    with pytest.raises(FencedError, match="replaced"):
        await store.memo_texts.upsert([("n", "u", "new")])
    await store.raise_fence()
    await store.memo_texts.upsert([("n", "u", "new")])
    assert {row[0] for row in await store.memo_texts.contents(["m", "n"])} == {"m", "n"}


async def test_two_fence_rows_that_processes_added_at_once_refuse_as_one_does(open_store: OpenStore) -> None:
    store, successor = await open_store(), await open_store()
    await store.memo_texts.handle.add(fence_row(store.memo_texts.layout.schema, next_token("")))
    await store.raise_fence()
    await store.memo_texts.upsert([("m", "u", "first")])
    await successor.raise_fence()
    for write in (WRITES["changed text"], WRITES["deletion"]):
        with pytest.raises(FencedError):
            await write(store)
        await store.raise_fence()
        await successor.raise_fence()
    assert await successor.memo_texts.count() == 1


async def test_nobody_sees_the_fence(store: VectorStore, rng: np.random.Generator) -> None:
    await store.memo_vectors.upsert([("m", "u", _vector(1))])
    await store.memo_texts.upsert([("m", "u", "text")])
    await store.optimize()
    for table in (store.memo_vectors, store.memo_texts):
        assert await table.count() == await table.count_rows() == 1
        assert [row async for rows in table.ids() for row in rows] == [("m", "u")]
    assert [row["memoId"] async for rows in read_rows(store.memo_vectors) for row in rows] == ["m"]
    assert await store.attachment_vectors.count_rows() == 0


async def test_a_process_that_has_only_lost_the_fence_folds_nothing_and_optimises(open_store: OpenStore) -> None:
    store, successor = await open_store(), await open_store()
    for number in range(12):
        await store.memo_texts.upsert([(f"m{number}", "u", "text")])
    await successor.raise_fence()
    with pytest.raises(FencedError):
        await store.memo_texts.delete(["m0"])
    await store.optimize()
    assert await successor.memo_texts.count() == 12
    await successor.memo_texts.delete(["m0"])
    assert await successor.memo_texts.count() == 11
