"""What is embedded of a text is what people see of it."""

from __future__ import annotations

from unittest.mock import AsyncMock, Mock

import numpy as np

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
