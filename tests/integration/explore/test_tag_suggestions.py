"""Tags for a text, with real stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.streaming_stub import StreamingStub

from aimo.config import Settings
from aimo.dto.memos import MemoBody
from aimo.dto.tags import TagBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError
from aimo.runtime import Runtime

Make = Callable[..., Settings]


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def test_model_is_told_the_users_tags_and_those_of_similar_memos(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    stub = StreamingStub(lambda system, user: '["Garden", "tomato"]').start()
    async with Runtime(settings(**migrated_database, **stub.settings())) as runtime:
        alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
        await runtime.services.tags.create(bob, TagBody(name="bobs"))
        await runtime.services.tags.create(alice, TagBody(name="Travel"))
        await runtime.services.memos.create(alice, MemoBody(content="Tomatoes want sun", tags=["Garden"]))
        suggested = await runtime.services.tag_suggestions.suggest(alice, "Tomatoes want water too")
    stub.stop()
    assert suggested == ["garden", "tomato"]
    (asked,) = stub.asked
    assert "相似笔记的标签：Garden" in asked
    assert "Travel" in asked
    assert "bobs" not in asked


async def test_without_a_model_ones_own_tags_are_suggested(settings: Make) -> None:
    async with Runtime(settings(EMBEDDER="local")) as runtime:
        alice = await user(runtime)
        with pytest.raises(AimoError, match="Failed to generate tags"):
            await runtime.services.tag_suggestions.suggest(alice, "Tomatoes want water")
        await runtime.services.memos.create(alice, MemoBody(content="Tomatoes want sun", tags=["Garden"]))
        await runtime.services.tags.create(alice, TagBody(name="WATER"))
        assert await runtime.services.tag_suggestions.suggest(alice, "Tomatoes want water") == ["water", "garden"]
