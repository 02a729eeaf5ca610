"""What is embedded of a text is what people see of it."""

from __future__ import annotations

import asyncio
import time
from unittest.mock import AsyncMock, Mock

import numpy as np
import pytest

from aimo.services.embedding import service as embedding_service
from aimo.services.embedding.service import EmbeddingService

TYPED = "会\u200b议\u00ad\ufeff改到\u2060星期五"
SEEN = "会议改到星期五"


async def test_invisible_characters_do_not_reach_the_embedder() -> None:
    embedder = Mock(model="m", dimension=2, cache_model=lambda role: "m")
    embedder.embed_each = AsyncMock(return_value=[np.ones(2)])
    embedder.embed = AsyncMock(return_value=np.ones((1, 2)))
    service = EmbeddingService(embedder, Mock(get_many=AsyncMock(return_value={}), put_many=AsyncMock()))
    assert await service.fill([TYPED], seconds=5) == {}
    await service.query(f"{TYPED}?", seconds=5)
    embedder.embed_each.assert_awaited_once_with([SEEN], "passage")
    embedder.embed.assert_awaited_once_with([f"{SEEN}?"], "query")
    assert TYPED in await service.cached([TYPED])


async def test_a_cache_that_hangs_delays_nobody_and_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_service, "_CACHE_SECONDS", 0.05)
    embedder = Mock(model="m", dimension=2, cache_model=lambda role: "m", close=AsyncMock())
    embedder.embed_each = AsyncMock(side_effect=lambda texts, role: [np.ones(2) for _ in texts])
    embedder.embed = AsyncMock(return_value=np.ones((1, 2)))
    answers = asyncio.Event()

    async def hang(*_: object) -> dict[str, object]:
        await answers.wait()
        return {}

    cache = Mock(get_many=AsyncMock(side_effect=hang), put_many=AsyncMock(side_effect=hang))
    service = EmbeddingService(embedder, cache)
    started = time.monotonic()
    await service.query("a question", seconds=5)
    assert time.monotonic() - started < 1
    for number in range(50):
        assert await service.fill([f"memo {number}"], seconds=5, cached_within=0) == {}
    await service.query("another question", seconds=5)
    assert cache.get_many.await_count == 1
    assert time.monotonic() - started < 2
    assert set(await service.cached(["memo 0", "memo 49"])) == {"memo 0", "memo 49"}
    saving = asyncio.create_task(service.fill(["patient"], seconds=5, cached_within=0.05))
    assert await saving == {}
    answers.set()
    await service.close()
    kept = [text for call in cache.put_many.await_args_list for text in call.args[1]]
    assert {f"memo {number}" for number in range(50)} | {"patient"} == set(kept)


async def test_vectors_that_nobody_stores_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_service, "_MOST_UNSAVED", 10)
    embedder = Mock(model="m", dimension=2, cache_model=lambda role: "m", close=AsyncMock())
    embedder.embed_each = AsyncMock(side_effect=lambda texts, role: [np.ones(2) for _ in texts])
    answers = asyncio.Event()

    async def hang(*_: object) -> None:
        await answers.wait()

    cache = Mock(get_many=AsyncMock(return_value={}), put_many=AsyncMock(side_effect=hang))
    service = EmbeddingService(embedder, cache)
    for number in range(30):
        await service.fill([f"memo {number}"], seconds=5, cached_within=0)
    answers.set()
    await service.close()
    assert sum(len(call.args[1]) for call in cache.put_many.await_args_list) == 10
