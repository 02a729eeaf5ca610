"""What the vector index finds, measured against comparing with every vector."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from aimo.vectors.store import VectorStore
from aimo.vectors.vector_table import VectorTable

DIMENSION = 128
ROWS = 60_000
BIG = "the-big-user"


def clustered(rng: np.random.Generator, rows: int, centres: np.ndarray) -> np.ndarray:
    """Vectors like those of texts: few popular topics and many rare ones, differing in a few directions each."""
    topics = np.minimum(rng.zipf(1.3, rows), len(centres)) - 1
    directions = np.random.default_rng(1).standard_normal((24, DIMENSION))
    spread = 0.15 * rng.standard_normal((rows, 24)) @ directions + 0.2 * rng.standard_normal((rows, DIMENSION))
    vectors = centres[topics] + spread
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


class Collection:
    """The rows of a table in memory, to compare with."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.uids: list[str] = []
        self.vectors = np.empty((0, DIMENSION), dtype=np.float32)

    async def add(self, table: VectorTable, ids: list[str], uids: list[str], vectors: np.ndarray) -> None:
        await table.upsert_arrays(ids, uids, vectors)
        self.ids += ids
        self.uids += uids
        self.vectors = np.concatenate([self.vectors, vectors])

    def nearest(self, uid: str, target: np.ndarray, limit: int) -> list[str]:
        own = np.flatnonzero(np.array(self.uids) == uid)
        order = np.argsort(-(self.vectors[own] @ target), kind="stable")[:limit]
        return [self.ids[i] for i in own[order]]


async def recall(table: VectorTable, rows: Collection, uid: str, targets: np.ndarray, limit: int = 10) -> float:
    found = 0.0
    for target in targets:
        wanted = set(rows.nearest(uid, target, limit))
        found += len(wanted & {hit.id for hit in await table.search(uid, target, limit)}) / len(wanted)
    return found / len(targets)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[VectorStore]:
    store = await VectorStore.open(tmp_path / "lancedb", model="m", dimension=DIMENSION)
    await store.raise_fence()
    yield store
    await store.close()


async def test_the_ten_nearest_are_found_for_big_and_small_users_and_in_rows_younger_than_the_index(
    store: VectorStore,
) -> None:
    rng = np.random.default_rng(11)
    centres = rng.standard_normal((300, DIMENSION))
    table, rows = store.memo_vectors, Collection()
    uids = [BIG if rng.random() < 0.6 else f"user{rng.integers(300)}" for _ in range(ROWS)]
    vectors = clustered(rng, ROWS, centres)
    for start in range(0, ROWS, 20_000):
        part = slice(start, start + 20_000)
        ids = [f"m{i}" for i in range(start, start + 20_000)]
        await rows.add(table, ids, uids[part], vectors[part])
    await store.optimize()
    assert any(index.columns == ["embedding"] for index in await table.handle.list_indices())
    targets = clustered(rng, 25, centres)
    small = [uid for uid in ("user1", "user2", "user250") if uids.count(uid) >= 10]
    assert len(small) == 3

    async def check() -> None:
        assert await recall(table, rows, BIG, targets) >= 0.95
        assert await recall(table, rows, BIG, targets[:5], limit=200) >= 0.95
        for uid in small:
            assert await recall(table, rows, uid, targets) >= 0.95

    await check()

    young = clustered(rng, 600, centres)
    await rows.add(table, [f"young{i}" for i in range(600)], [BIG, small[0]] * 300, young)
    for i in range(0, 600, 60):
        uid = rows.uids[ROWS + i]
        assert (await table.search(uid, young[i], 1))[0].id == f"young{i}"
    await check()
    await store.optimize()
    await check()

    started = time.perf_counter()
    for target in targets:
        await table.search(BIG, target, 10)
    with_index = time.perf_counter() - started
    started = time.perf_counter()
    for target in targets:
        await table.similarities(BIG, target)
    assert with_index < time.perf_counter() - started, "the index is there to be quicker than comparing with all"
