from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from aimo.ai.embedder import Embedder, well_formed
from aimo.ai.local_embedder import LocalEmbedder


@pytest.fixture
async def embedder() -> AsyncIterator[LocalEmbedder]:
    local = LocalEmbedder()
    yield local
    await local.close()


async def one(embedder: Embedder, text: str) -> np.ndarray:
    return np.asarray((await embedder.embed([text], "passage"))[0])


async def test_vectors_are_float32_of_unit_length(embedder: LocalEmbedder) -> None:
    vectors = await embedder.embed(["买牛奶", "fix the bike", "长" * 5000], "passage")
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 512)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (await embedder.embed([], "query")).shape == (0, 512)


async def test_same_text_gives_the_same_vector_alone_and_in_company(embedder: LocalEmbedder) -> None:
    texts = [f"memo {n} 关于花园" for n in range(40)]
    together = await embedder.embed(texts, "passage")
    assert np.array_equal(together, await embedder.embed(texts, "query"))
    assert np.allclose(together[17], await one(embedder, texts[17]), atol=1e-5)


async def test_meaning_counts_across_languages(embedder: LocalEmbedder) -> None:
    cake, zh, other = await embedder.embed(
        ["I baked an apple cake", "我烤了一个苹果蛋糕", "the server is down"], "passage"
    )
    assert cake @ zh > 0.5 > 0.2 > cake @ other


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "😀", "\x00", "a\ud800b", "。。。", "\ufeff", "ﷺ" * 100])
async def test_odd_text_still_gets_a_vector(embedder: LocalEmbedder, text: str) -> None:
    vector = await one(embedder, text)
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


async def test_end_of_a_long_text_counts(embedder: LocalEmbedder) -> None:
    dull = "We talked about the weather and nothing happened today. " * 60
    cake = "I baked an apple cake with cinnamon. " * 40
    query = await one(embedder, "apple cake")
    assert query @ await one(embedder, dull + cake) > query @ await one(embedder, dull) + 0.05


async def test_time_for_a_huge_text_is_bounded(embedder: LocalEmbedder) -> None:
    await one(embedder, "load the model")
    started = time.perf_counter()
    huge = await one(embedder, "漫长的一天。" * 500_000)
    assert time.perf_counter() - started < 10
    assert np.array_equal(huge, await one(embedder, ("漫长的一天。" * 500_000)[:16_000]))


async def test_embedding_does_not_block_the_event_loop_and_queries_come_first(embedder: LocalEmbedder) -> None:
    await one(embedder, "load the model")
    bulk = asyncio.create_task(embedder.embed(["今天和同事讨论了数据库迁移的方案。" * 20] * 200, "passage"))
    await asyncio.sleep(0.05)
    await embedder.embed(["short query"], "query")
    assert not bulk.done()
    bulk.cancel()
    with pytest.raises(asyncio.CancelledError):
        await bulk
    assert len(await embedder.embed(["still alive"], "query")) == 1


async def test_many_callers_at_once_get_their_own_vectors(embedder: LocalEmbedder) -> None:
    texts = [f"note number {n}" for n in range(30)]
    vectors = await asyncio.gather(*(embedder.embed([text], "query") for text in texts))
    expected = await embedder.embed(texts, "query")
    assert np.allclose(np.concatenate(vectors), expected, atol=1e-5)


async def test_each_text_has_an_outcome(embedder: LocalEmbedder) -> None:
    outcomes = await embedder.embed_each(["one", ""], "passage")
    assert [np.asarray(outcome).shape for outcome in outcomes] == [(512,), (512,)]


def test_one_cached_name_serves_both_roles(embedder: LocalEmbedder) -> None:
    assert embedder.cache_model("query") == embedder.cache_model("passage") == embedder.model


def test_only_lone_surrogates_are_replaced() -> None:
    assert well_formed("a\ud800b😀") == "a\ufffdb😀"


async def test_characters_that_become_eighteen_take_no_longer_than_others(embedder: LocalEmbedder) -> None:
    await one(embedder, "load the model")
    started = time.process_time()
    await one(embedder, "\ufdfa" * 20_000)
    assert time.process_time() - started < 4
