from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from tests.integration.vectors.conftest import OpenStore, same_vector

from aimo.vectors.store import VectorStore
from aimo.vectors.vector_table import Hit

HOSTILE = [
    "plain",
    "it's",
    "'",
    "''",
    '"',
    "back\\slash",
    "\\'",
    "' OR '1'='1",
    "\\' OR 1=1 --",
    "\\'' OR 1=1 --",
    "'' OR 1=1 --",
    "x'; DROP TABLE memo_vectors; --",
    "`tick`",
    "100%_",
    "中文",
    "😀👨‍👩‍👧",
    "line\nbreak",
    " ",
    "a" * 191,
]


async def test_hits_come_best_first_with_their_cosine(store: VectorStore) -> None:
    table = store.memo_vectors
    await table.upsert(
        [
            ("same", "u", [2, 0, 0, 0, 0, 0, 0, 0]),
            ("near", "u", [1, 1, 0, 0, 0, 0, 0, 0]),
            ("across", "u", [0, 3, 0, 0, 0, 0, 0, 0]),
            ("opposite", "u", [-1, 0, 0, 0, 0, 0, 0, 0]),
        ]
    )
    hits = await table.search("u", [5, 0, 0, 0, 0, 0, 0, 0], 10)
    assert [hit.id for hit in hits] == ["same", "near", "across", "opposite"]
    assert [hit.similarity for hit in hits] == pytest.approx([1, 0.5**0.5, 0, 0], abs=1e-6)
    assert all(0 <= hit.similarity <= 1 for hit in hits)


async def test_a_longer_list_begins_with_the_shorter_one(store: VectorStore, rng: np.random.Generator) -> None:
    """Also among equals, and among those whose similarity is shown as 0: pages neither repeat nor miss a memo."""
    table = store.memo_vectors
    twice = rng.standard_normal(8)
    rows = [(f"equal {i:02}", "u", twice) for i in rng.permutation(40)]
    rows += [(f"other {i:02}", "u", rng.standard_normal(8)) for i in range(60)]
    for start in range(0, 100, 10):
        await table.upsert([rows[place] for place in range(start, start + 10)])
    for target in (twice, rng.standard_normal(8)):
        whole = [hit.id for hit in await table.search("u", target, 100)]
        assert len(set(whole)) == 100
        for limit in (1, 7, 20, 39, 40, 41, 99, 100, 1000):
            assert [hit.id for hit in await table.search("u", target, limit)] == whole[:limit]


async def test_a_search_sees_one_users_rows_only(store: VectorStore, rng: np.random.Generator) -> None:
    table = store.memo_vectors
    rows = [(f"{uid}{i}", uid, rng.standard_normal(8)) for uid in HOSTILE for i in range(3)]
    await table.upsert(rows)
    for uid in HOSTILE:
        own = {f"{uid}{i}" for i in range(3)}
        assert {hit.id for hit in await table.search(uid, np.ones(8), 100)} == own
        assert set(await table.similarities(uid, np.ones(8))) == own
        assert await table.count(uid) == 3
    assert await table.count() == len(rows)
    assert await table.search("nobody", np.ones(8), 10) == []
    assert await table.similarities("nobody", np.ones(8)) == {}


async def test_ids_are_taken_literally_whatever_they_hold(store: VectorStore, rng: np.random.Generator) -> None:
    table = store.memo_vectors
    vectors = {row_id: rng.standard_normal(8).astype(np.float32) for row_id in HOSTILE}
    await table.upsert([(row_id, "u", vector) for row_id, vector in vectors.items()])
    for row_id, vector in vectors.items():
        assert same_vector(await table.get("u", row_id), vector)
        assert row_id not in {hit.id for hit in await table.search("u", vector, 100, exclude=row_id)}
    for count, row_id in enumerate(HOSTILE[:-1], 1):
        await table.delete([row_id])
        assert {row_id async for rows in table.ids() for row_id, _ in rows} == set(HOSTILE[count:])


async def test_another_users_vector_is_not_returned(store: VectorStore) -> None:
    await store.memo_vectors.upsert([("m", "owner", np.ones(8))])
    assert await store.memo_vectors.get("other", "m") is None
    assert await store.memo_vectors.get("owner", "unknown") is None


async def test_writing_again_replaces_and_changes_the_owner(store: VectorStore) -> None:
    table = store.memo_vectors
    await table.upsert([("m", "u", np.ones(8))])
    await table.upsert([("m", "v", np.arange(8))])
    assert await table.count() == 1
    assert await table.get("u", "m") is None
    assert same_vector(await table.get("v", "m"), np.arange(8))


async def test_of_equal_ids_in_a_group_the_last_counts_and_a_group_is_one_commit(store: VectorStore) -> None:
    table = store.memo_vectors
    before = await table.handle.version()
    await table.upsert([("m", "u", np.ones(8)), ("n", "u", np.ones(8)), ("m", "u", np.arange(8))])
    assert await table.handle.version() == before + 1
    assert await table.count() == 2
    assert same_vector(await table.get("u", "m"), np.arange(8))


async def test_an_empty_group_writes_nothing(store: VectorStore) -> None:
    before = await store.memo_vectors.handle.version()
    await store.memo_vectors.upsert([])
    await store.memo_vectors.delete([])
    assert await store.memo_vectors.handle.version() == before


@pytest.mark.parametrize(
    "bad",
    [
        [float("nan")] + [1.0] * 7,
        [float("inf")] + [1.0] * 7,
        [1e39] + [1.0] * 7,
        [1e30] * 8,
        [1e-40] * 8,
        [0.0] * 8,
        [1.0] * 7,
        [1.0] * 9,
        [],
        [[1.0] * 8],
    ],
    ids=["nan", "infinite", "overflow", "too long to measure", "too short to measure", "zero", "7", "9", "0", "nested"],
)
async def test_a_vector_without_direction_or_of_another_length_is_refused_by_name(
    store: VectorStore, bad: list[Any]
) -> None:
    table = store.memo_vectors
    with pytest.raises(ValueError, match="memo-bad"):
        await table.upsert([("memo-good", "u", np.ones(8)), ("memo-bad", "u", bad)])
    assert await table.count() == 0
    with pytest.raises(ValueError, match="query"):
        await table.search("u", bad, 5)
    with pytest.raises(ValueError, match="query"):
        await table.similarities("u", bad)


async def test_arrays_are_checked_like_single_rows(store: VectorStore) -> None:
    table = store.memo_vectors
    good = np.ones((2, 8))
    with pytest.raises(ValueError, match="b is not finite"):
        await table.upsert_arrays(["a", "b"], ["u", "u"], np.stack([np.ones(8), np.full(8, np.nan)]))
    with pytest.raises(ValueError, match="distinct"):
        await table.upsert_arrays(["a", "a"], ["u", "u"], good)
    with pytest.raises(ValueError, match="shape"):
        await table.upsert_arrays(["a"], ["u"], good)
    await table.upsert_arrays(["a", "b"], ["u", "u"], good)
    assert await table.count("u") == 2


async def test_similarities_cover_all_rows_of_the_user_exactly(store: VectorStore, rng: np.random.Generator) -> None:
    vectors = rng.standard_normal((2500, 8)).astype(np.float32)
    ids = [f"m{i}" for i in range(2500)]
    await store.memo_vectors.upsert_arrays(ids, ["u"] * 2500, vectors)
    await store.memo_vectors.upsert([("other", "v", np.ones(8))])
    target = rng.standard_normal(8)
    cosines = vectors @ target / np.linalg.norm(vectors, axis=1) / np.linalg.norm(target)
    found = await store.memo_vectors.similarities("u", target)
    assert set(found) == set(ids)
    assert [found[row_id] for row_id in ids] == pytest.approx(np.clip(cosines, 0, 1).tolist(), abs=1e-6)
    hits = await store.memo_vectors.search("u", target, 2500)
    assert len(hits) == 2500
    assert [hit.similarity for hit in hits] == pytest.approx(sorted(found.values(), reverse=True), abs=1e-5)


async def test_a_search_answers_no_more_than_asked_for(store: VectorStore, rng: np.random.Generator) -> None:
    await store.memo_vectors.upsert([(f"m{i}", "u", rng.standard_normal(8)) for i in range(30)])
    for limit in (1, 10, 29, 30, 31):
        assert len(await store.memo_vectors.search("u", np.ones(8), limit)) == min(limit, 30)
    assert await store.memo_vectors.search("u", np.ones(8), 0) == []


async def test_many_rows_are_deleted_at_once(store: VectorStore, rng: np.random.Generator) -> None:
    ids = [f"m{i}'" for i in range(2600)]
    await store.memo_vectors.upsert_arrays(ids, ["u"] * 2600, rng.standard_normal((2600, 8)))
    await store.memo_vectors.delete([*ids[:2500], "unknown"])
    assert await store.memo_vectors.count() == 100
    assert {hit.id for hit in await store.memo_vectors.search("u", np.ones(8), 200)} == set(ids[2500:])


async def test_ids_come_in_batches_and_completely(store: VectorStore, rng: np.random.Generator) -> None:
    for part in range(3):
        ids = [f"m{part}-{i}" for i in range(700)]
        await store.memo_vectors.upsert_arrays(ids, [f"u{part}"] * 700, rng.standard_normal((700, 8)))
    batches = [rows async for rows in store.memo_vectors.ids(batch=500)]
    assert max(map(len, batches)) <= 500
    rows = [row for batch in batches for row in batch]
    assert len(rows) == 2100
    assert set(rows) == {(f"m{part}-{i}", f"u{part}") for part in range(3) for i in range(700)}


async def test_attachments_have_the_same_kind_of_table(open_store: OpenStore) -> None:
    table = (await open_store(multimodal_model="clip", multimodal_dimension=1024)).attachment_vectors
    assert table.matches("clip", 1024)
    await table.upsert([("a", "u", np.ones(1024))])
    assert await table.search("u", np.ones(1024), 3) == [Hit("a", cast(float, pytest.approx(1.0)))]
