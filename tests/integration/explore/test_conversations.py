"""Conversations in the database."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import text

from aimo.config import Settings
from aimo.dto.explore import MessageBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code
from aimo.runtime import Runtime
from aimo.services.explore.conversations import ConversationService

Make = Callable[..., Settings]


async def user(runtime: Runtime, name: str) -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


def said(role: str, content: str, **more: object) -> MessageBody:
    return msgspec.convert({"role": role, "content": content, **more}, MessageBody)


async def test_messages_keep_all_five_keys_of_their_sources(settings: Make, migrated_database: dict[str, str]) -> None:
    full = {"memoId": "m1", "content": "x", "similarity": 0.1234567, "relevanceScore": 0.9, "createdAt": 1600000000001}
    odd = {"memoId": "m3", "similarity": math.nan, "relevanceScore": math.inf}
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        talks: ConversationService = runtime.services.conversations
        uid = await user(runtime, "a")
        talk = await talks.create(uid, None)
        await talks.add(uid, talk.conversation_id, said("user", " When? "))
        added = await talks.add(
            uid,
            talk.conversation_id,
            said("assistant", "Friday [1]", sources=[full | {"unknown": 1}, {"memoId": "m2", "similarity": None}, odd]),
        )
        read = msgspec.to_builtins(await talks.get(uid, talk.conversation_id))
        listed = await talks.all(uid)
    assert talk.title == "新对话"
    assert [message["content"] for message in read["messages"]] == [" When? ", "Friday [1]"]
    assert "sources" not in read["messages"][0]
    assert read["messages"][1]["sources"] == [full, {"memoId": "m2"}, {"memoId": "m3"}]
    assert msgspec.to_builtins(added) == read["messages"][1]
    assert read["messageCount"] == listed.items[0].message_count == 2


async def test_what_happens_in_a_conversation_brings_it_to_the_front(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        talks = runtime.services.conversations
        uid = await user(runtime, "a")
        first = (await talks.create(uid, "first")).conversation_id
        await talks.create(uid, "second")
        # Times are milliseconds, and the database may take less.
        await asyncio.sleep(0.002)
        message = await talks.add(uid, first, said("user", "x"))
        listed = await talks.all(uid)
    assert [(item.title, item.message_count) for item in listed.items] == [("first", 1), ("second", 0)]
    assert listed.items[0].updated_at == message.created_at


async def test_removing_a_conversation_removes_its_messages(settings: Make, migrated_database: dict[str, str]) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        talks = runtime.services.conversations
        uid = await user(runtime, "a")
        gone = (await talks.create(uid, "x")).conversation_id
        await talks.add(uid, gone, said("user", "x"))
        await talks.delete(uid, gone)
        async with runtime.services.database.reads() as connection:
            left = (await connection.execute(text("SELECT COUNT(*) FROM ai_messages"))).scalar_one()
        with pytest.raises(AimoError) as refused:
            await talks.add(uid, gone, said("user", "x"))
    assert left == 0
    assert (refused.value.code, refused.value.message) == (Code.NOT_FOUND, "Conversation not found")


async def test_nobody_reaches_anothers_conversation(settings: Make, migrated_database: dict[str, str]) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        talks = runtime.services.conversations
        alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
        talk = (await talks.create(alice, "hers")).conversation_id
        await talks.add(alice, talk, said("user", "x"))
        for attempt in (
            talks.get(bob, talk),
            talks.rename(bob, talk, "his"),
            talks.delete(bob, talk),
            talks.add(bob, talk, said("user", "y")),
            talks.get(alice, "' OR 1=1"),
        ):
            with pytest.raises(AimoError) as refused:
                await attempt
            assert refused.value.code is Code.NOT_FOUND
        assert (await talks.all(bob)).items == []
        assert (await talks.get(alice, talk)).message_count == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"role": "system", "content": "x"}, "Valid role is required (user or assistant)"),
        ({"role": ["user"], "content": "x"}, "Valid role is required (user or assistant)"),
        ({"content": "x"}, "Valid role is required (user or assistant)"),
        ({"role": "user"}, "Content is required"),
        ({"role": "user", "content": " \n"}, "Content is required"),
        ({"role": "user", "content": 5}, "Content is required"),
    ],
)
async def test_refused_messages_say_why(settings: Make, body: dict[str, object], reason: str) -> None:
    async with Runtime(settings(EMBEDDER="local"), worker=False) as runtime:
        with pytest.raises(AimoError) as refused:
            await runtime.services.conversations.add("u1", "conv1", msgspec.convert(body, MessageBody))
    assert (refused.value.code, refused.value.message) == (Code.PARAMS_ERROR, reason)
