from __future__ import annotations

import asyncio
import time

import numpy as np
import pyarrow as pa
import pytest
from tests.integration.vectors.conftest import OpenStore

from aimo import clock
from aimo.vectors.hashes import MultimodalContent, content_hash
from aimo.vectors.store import VectorStore


async def test_known_texts_come_back_with_their_vectors_and_unknown_ones_do_not(
    store: VectorStore, rng: np.random.Generator
) -> None:
    vectors = {f"text {i} 文": rng.standard_normal(8).astype(np.float32) for i in range(50)}
    await store.embedding_cache.put_many("model", vectors)
    found = await store.embedding_cache.get_many("model", [*vectors, "unknown", "text 1 文"])
    assert set(found) == set(vectors)
    assert all(np.array_equal(found[text], vector) for text, vector in vectors.items())


async def test_a_text_is_known_to_its_model_only_and_only_exactly(store: VectorStore) -> None:
    await store.embedding_cache.put_many("model", {"Text": np.ones(8)})
    assert await store.embedding_cache.get_many("other", ["Text"]) == {}
    assert await store.embedding_cache.get_many("model", ["text", "Text ", " Text"]) == {}
    assert await store.embedding_cache.get_many("model", []) == {}


async def test_a_group_is_one_commit(store: VectorStore) -> None:
    before = await store.embedding_cache.handle.version()
    await store.embedding_cache.put_many("model", {f"t{i}": np.ones(8) for i in range(100)})
    await store.embedding_cache.put_many("model", {})
    assert await store.embedding_cache.handle.version() == before + 1


async def test_rows_look_as_the_existing_server_writes_them(store: VectorStore) -> None:
    earlier = time.time()
    await store.embedding_cache.put_many("model", {"hello world": np.arange(8)})
    (row,) = (await store.embedding_cache.handle.query().to_arrow()).to_pylist()
    assert row["modelHash"] == "model"
    assert row["contentHash"] == content_hash("hello world")
    assert row["embedding"] == list(range(8))
    created = row["createdAt"].replace(tzinfo=__import__("datetime").UTC).timestamp()
    assert earlier - 0.01 <= created <= time.time()


async def test_duplicate_rows_do_no_harm(store: VectorStore, open_store: OpenStore) -> None:
    await store.embedding_cache.put_many("model", {"t": np.ones(8)})
    await store.embedding_cache.put_many("model", {"t": np.ones(8), "v": np.arange(8)})
    await store.optimize()
    found = await store.embedding_cache.get_many("model", ["t", "v"])
    assert np.array_equal(found["t"], np.ones(8))
    assert np.array_equal(found["v"], np.arange(8))


async def test_a_vector_that_cannot_be_used_is_neither_cached_nor_given_out(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="8"):
        await store.embedding_cache.put_many("model", {"good": np.ones(8), "bad": np.ones(7)})
    with pytest.raises(ValueError, match="direction"):
        await store.embedding_cache.put_many("model", {"bad": np.zeros(8)})
    assert await store.embedding_cache.count_rows() == 0
    rows = pa.table(
        {
            "modelHash": ["model"],
            "contentHash": [content_hash("zeros")],
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array([0.0] * 8, pa.float32()), 8),
            "createdAt": pa.array([0], pa.timestamp("ms")),
        },
        schema=store.embedding_cache.layout.schema,
    )
    await store.embedding_cache.add_rows(rows)
    assert await store.embedding_cache.get_many("model", ["zeros"]) == {}


async def test_thousands_of_texts_are_looked_up_at_once(store: VectorStore, rng: np.random.Generator) -> None:
    texts = [f"memo {i}" for i in range(2500)]
    vectors = dict(zip(texts, rng.standard_normal((2500, 8)).astype(np.float32), strict=True))
    await store.embedding_cache.put_many("model", vectors)
    assert len(await store.embedding_cache.get_many("model", texts)) == 2500


async def test_multimodal_contents_are_told_apart_by_kind(open_store: OpenStore) -> None:
    cache = (await open_store(multimodal_dimension=4)).multimodal_cache
    image, video = MultimodalContent(image="http://x/1"), MultimodalContent(video="http://x/1")
    asked = MultimodalContent(image="http://x/1", asked_modality="vl")
    await cache.put_many("model", {image: np.ones(4), video: np.arange(4)})
    found = await cache.get_many("model", [image, video, asked])
    assert np.array_equal(found[image], np.ones(4))
    assert np.array_equal(found[video], np.arange(4))
    assert asked not in found


async def test_the_legacy_multimodal_table_is_used_for_its_dimension_only(open_store: OpenStore) -> None:
    assert (await open_store()).multimodal_cache.name == "multimodal_embedding_cache"
    assert (await open_store(multimodal_dimension=4)).multimodal_cache.name == "multimodal_embedding_cache_4"


async def test_processes_may_write_side_by_side_even_while_one_does_upkeep(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(3)]

    async def write(number: int) -> None:
        for i in range(40):
            await stores[number].embedding_cache.put_many("model", {f"text {number}-{i}": np.full(8, i + 1)})

    async def keep_up() -> None:
        for _ in range(12):
            await asyncio.sleep(0.05)
            await stores[2].optimize()

    await asyncio.gather(write(0), write(1), keep_up())
    texts = [f"text {number}-{i}" for number in range(2) for i in range(40)]
    found = await stores[2].embedding_cache.get_many("model", texts)
    assert set(found) == set(texts)
    assert await stores[2].embedding_cache.count_rows() == 80


async def test_the_oldest_vectors_are_pruned(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = store.embedding_cache
    for day in range(6):
        monkeypatch.setattr(clock, "now_ms", lambda day=day: 1_700_000_000_000 + day)
        await cache.put_many("model", {f"a{day}": np.ones(8), f"b{day}": np.ones(8)})
    assert await cache.prune(12) == 0
    await store.prune_caches(7)
    kept = await cache.get_many("model", [f"{letter}{day}" for letter in "ab" for day in range(6)])
    assert set(kept) == {f"{letter}{day}" for letter in "ab" for day in range(2, 6)}
    assert await cache.prune(0) == 8
    assert await cache.count_rows() == 0
