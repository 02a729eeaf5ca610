from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.integration.vectors.conftest import OpenStore, same_vector

from aimo.vectors import upkeep
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.store import VectorStore
from aimo.vectors.table import LanceTable
from aimo.vectors.upkeep import UpkeepPolicy


async def milliseconds(ask: Callable[[], Awaitable[Any]]) -> float:
    taken = []
    for _ in range(15):
        started = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


async def fragments(table: LanceTable) -> int:
    return int((await table.handle.stats())["fragment_stats"]["num_fragments"])


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def fill(store: VectorStore, rng: np.random.Generator, rows: int, dimension: int = 8) -> None:
    ids = [f"m{i}" for i in range(rows)]
    await store.memo_vectors.upsert_arrays(ids, ["u"] * rows, rng.standard_normal((rows, dimension)))
    await store.memo_texts.upsert([(row_id, "u", f"text of memo {row_id}") for row_id in ids])
    await store.optimize()


async def write_one_by_one(store: VectorStore, rng: np.random.Generator, rows: int, dimension: int = 8) -> None:
    for i in range(rows):
        await store.memo_vectors.upsert([(f"n{i}", "u", rng.standard_normal(dimension))])
        await store.memo_texts.upsert([(f"n{i}", "u", f"another text {i}")])
        if store.upkeep_due():
            await store.upkeep()


async def test_three_hundred_single_writes_do_not_slow_queries_down(
    open_store: OpenStore, rng: np.random.Generator
) -> None:
    store = await open_store()
    await fill(store, rng, 2000)

    async def ask() -> None:
        await store.memo_vectors.search("u", np.ones(8), 10)
        await store.memo_texts.containing("u", ["memo m1"])

    before = await milliseconds(ask)
    await write_one_by_one(store, rng, 300)
    after = await milliseconds(ask)
    assert after < 6 * before
    assert await fragments(store.memo_vectors) < 50
    assert await store.memo_vectors.count() == 2300
    assert len(await store.memo_texts.containing("u", ["another"])) == 300


async def test_a_large_table_is_not_written_again_for_every_few_rows(
    open_store: OpenStore, rng: np.random.Generator, tmp_path: Path
) -> None:
    store = await open_store(dimension=128)
    await fill(store, rng, 5000, 128)
    folder = tmp_path / "lancedb" / "memo_vectors.lance"
    before = bytes_in(folder)
    for i in range(260):
        await store.memo_vectors.upsert([(f"n{i}", "u", rng.standard_normal(128))])
        if store.upkeep_due():
            await store.upkeep()
    await store.optimize()
    assert await fragments(store.memo_vectors) <= 2
    assert bytes_in(folder) < 3 * before, "nine times would mean that each upkeep copies the table"


async def test_versions_beyond_their_age_are_removed_and_the_rows_stay(
    open_store: OpenStore, rng: np.random.Generator, tmp_path: Path
) -> None:
    store = await open_store(retention_days=1 / 86_400)
    for i in range(20):
        await store.memo_vectors.upsert([("m", "u", np.full(8, i + 1))])
    await asyncio.sleep(1.1)
    await store.optimize()
    versions = await store.memo_vectors.handle.list_versions()
    assert len(versions) <= 4
    assert same_vector(await store.memo_vectors.get("u", "m"), np.full(8, 20))
    assert store.memo_vectors.matches("m", 8)
    assert (await open_store()).memo_vectors.matches("m", 8)


async def test_young_versions_are_kept(open_store: OpenStore, rng: np.random.Generator) -> None:
    store = await open_store(retention_days=7)
    await write_one_by_one(store, rng, 40)
    await store.optimize()
    assert len(await store.memo_vectors.handle.list_versions()) > 40


async def test_the_number_of_versions_is_bounded_whatever_their_age(
    open_store: OpenStore, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_KEPT_VERSIONS", 30)
    monkeypatch.setattr(upkeep, "_SHORTEST_RETENTION", timedelta(0))
    store = await open_store(policy=UpkeepPolicy(commits=16))
    await write_one_by_one(store, rng, 120)
    assert len(await store.memo_vectors.handle.list_versions()) < 80


async def test_rows_not_yet_indexed_are_indexed_before_they_are_many(
    open_store: OpenStore, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_UNINDEXED_ROWS", 50)
    store = await open_store(policy=UpkeepPolicy(commits=16))
    await fill(store, rng, 200)
    await write_one_by_one(store, rng, 150)
    for table in (store.memo_vectors, store.memo_texts):
        for index in await table.handle.list_indices():
            assert index.num_unindexed_rows <= 50 + 16


async def test_every_row_is_indexed_after_the_nightly_upkeep(store: VectorStore, rng: np.random.Generator) -> None:
    await write_one_by_one(store, rng, 30)
    await store.embedding_cache.put_many("model", {"t": np.ones(8)})
    await store.optimize()
    for table in store.tables:
        assert [
            index.num_unindexed_rows for index in await table.handle.list_indices() if index.num_unindexed_rows
        ] == []
    version = await store.memo_texts.handle.version()
    await store.optimize()
    assert await store.memo_texts.handle.version() == version, "nothing had changed"


async def test_upkeep_is_not_due_again_right_after_it(open_store: OpenStore, rng: np.random.Generator) -> None:
    store = await open_store(policy=UpkeepPolicy(commits=6, seconds=3600))
    assert not store.upkeep_due()
    for i in range(5):
        assert not store.upkeep_due()
        await store.memo_vectors.upsert([(f"m{i}", "u", np.ones(8))])
    assert store.upkeep_due()
    await store.upkeep()
    assert not store.upkeep_due()


async def test_time_alone_makes_upkeep_due(open_store: OpenStore) -> None:
    store = await open_store(policy=UpkeepPolicy(commits=1000, seconds=0.05))
    await asyncio.sleep(0.06)
    assert store.upkeep_due()


@pytest.mark.parametrize(("dimension", "kind"), [(16, "IvfRq"), (12, "IvfSq")])
async def test_a_vector_index_appears_once_the_table_is_large(
    open_store: OpenStore, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, dimension: int, kind: str
) -> None:
    monkeypatch.setattr(upkeep, "VECTOR_INDEX_ROWS", 2000)
    store = await open_store(dimension=dimension)
    table = store.memo_vectors

    async def vector_indexes() -> list[str]:
        return [index.index_type for index in await table.handle.list_indices() if index.columns == ["embedding"]]

    await fill(store, rng, 1999, dimension)
    assert await vector_indexes() == []
    await table.upsert([("one more", "u", np.ones(dimension))])
    await store.optimize()
    assert await vector_indexes() == [kind]
    assert (await table.search("u", np.ones(dimension), 1))[0].id == "one more"
    assert (await table.search("u", np.ones(dimension), 1))[0].similarity == pytest.approx(1.0)
    await table.upsert([("younger than the index", "u", np.arange(dimension) + 1.0)])
    assert (await table.search("u", np.arange(dimension) + 1.0, 1))[0].id == "younger than the index"
    await table.delete(["one more"])
    assert "one more" not in {hit.id for hit in await table.search("u", np.ones(dimension), 50)}
    await table.recreate("m2", dimension)
    assert await vector_indexes() == []


async def test_a_failure_is_reported_and_counted_and_the_other_tables_have_their_upkeep(
    open_store: OpenStore, rng: np.random.Generator, tmp_path: Path
) -> None:
    store = await open_store(policy=UpkeepPolicy(commits=1))
    await write_one_by_one(store, rng, 20)
    await store.embedding_cache.put_many("model", {"t": np.ones(8)})
    shutil.rmtree(tmp_path / "lancedb" / "memo_vectors.lance")
    with pytest.raises(VectorStoreError, match="memo_vectors"):
        await store.optimize()
    assert store.upkeep_failures == {
        "memo_vectors": 1,
        "attachment_vectors": 0,
        "memo_texts": 0,
        "embedding_cache": 0,
        "multimodal_embedding_cache": 0,
    }
    assert all(not index.num_unindexed_rows for index in await store.embedding_cache.handle.list_indices())
