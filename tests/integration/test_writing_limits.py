"""What one request, or two at once, may do to memos, tags and categories."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from aimo.config import Settings
from aimo.dto.categories import CategoryBody
from aimo.dto.memos import MemoBody
from aimo.dto.tags import TagBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError
from aimo.runtime import Runtime

MakeSettings = Callable[..., Settings]
PAIRS = 15


async def registered(runtime: Runtime) -> str:
    body = RegisterBody(email="alice@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def test_two_changes_at_once_both_stay(migrated_database: dict[str, str], settings: MakeSettings) -> None:
    async with Runtime(settings(**migrated_database)) as runtime:
        uid = await registered(runtime)
        tags, categories = runtime.services.tags, runtime.services.categories
        for number in range(PAIRS):
            tag = await tags.create(uid, TagBody(name=f"t{number}", color="old"))
            category = await categories.create(uid, CategoryBody(name=f"c{number}", color="old"))
            await asyncio.gather(
                tags.update(uid, tag.tag_id, TagBody(name=f"tag {number}")),
                tags.update(uid, tag.tag_id, TagBody(color="new")),
                categories.update(uid, category.category_id, CategoryBody(name=f"category {number}")),
                categories.update(uid, category.category_id, CategoryBody(color="new")),
            )
            changed_tag = await tags.get(uid, tag.tag_id)
            changed = await categories.get(uid, category.category_id)
            assert (changed_tag.name, changed_tag.color) == (f"tag {number}", "new")
            assert (changed.name, changed.color) == (f"category {number}", "new")


@pytest.mark.parametrize(
    "body",
    [
        MemoBody(content="x", tags=[f"t{number}" for number in range(1001)]),
        MemoBody(content="x", tag_ids=[f"t{number}" for number in range(1001)]),
        MemoBody(content="x", relation_ids=[f"m{number}" for number in range(10_001)]),
        MemoBody(content="x", attachments=[f"a{number}" for number in range(10_001)]),
    ],
    ids=["tags", "tagIds", "relationIds", "attachments"],
)
async def test_lists_have_limits_whichever_way_they_come(
    migrated_database: dict[str, str], settings: MakeSettings, body: MemoBody
) -> None:
    async with Runtime(settings(**migrated_database)) as runtime:
        uid = await registered(runtime)
        memos = runtime.services.memos
        memo_id = (await memos.create(uid, MemoBody(content="mine", tags=["kept"]))).memo_id
        attempts: list[Any] = [memos.create(uid, body), memos.update(uid, memo_id, body)]
        if isinstance(body.tags, list):
            attempts.append(memos.set_tags(uid, memo_id, [], body.tags))
        if isinstance(body.tag_ids, list):
            attempts.append(memos.set_tags(uid, memo_id, body.tag_ids, []))
        for attempt in attempts:
            with pytest.raises(AimoError, match="more than"):
                await attempt
        assert [tag.name for tag in await runtime.services.tags.all(uid)] == ["kept"]
        assert [tag.usage_count for tag in await runtime.services.tags.all(uid)] == [1]


async def test_many_tags_at_once_are_made_in_their_order(
    migrated_database: dict[str, str], settings: MakeSettings
) -> None:
    async with Runtime(settings(**migrated_database)) as runtime:
        uid = await registered(runtime)
        names = [f"tag {number}" for number in range(300)]
        memo = await runtime.services.memos.create(uid, MemoBody(content="x"))
        tagged = await runtime.services.memos.set_tags(uid, memo.memo_id, [], names)
        assert tagged.updated_at >= memo.updated_at
        made = await runtime.services.tags.all(uid)
        assert [tag.name for tag in made] == names
        assert {tag.usage_count for tag in made} == {1}


async def test_a_search_for_megabytes_is_not_kept_in_memory(settings: MakeSettings) -> None:
    async with Runtime(settings()) as runtime:
        text = "".join(["words "] * 500_000)
        held = sys.getrefcount(text)
        vector = await runtime.stores.embeddings.query(text, seconds=20)
        assert sys.getrefcount(text) == held
        assert (await runtime.stores.embeddings.query(text, seconds=0.001)) is vector
