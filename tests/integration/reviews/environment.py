"""Reviews with real stores, and a chat model that says what the test wants."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.streaming_stub import Reply, StreamingStub

from aimo.config import Settings
from aimo.dto.memos import MemoBody
from aimo.dto.reviews import FilterRule, ReviewAnswerBody, ReviewProfileBody, ReviewSession, ReviewSessionBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code
from aimo.runtime import Runtime

Make = Callable[..., Settings]
DAY = 86_400_000
QUESTION = "What was it about?"
GRADED = json.dumps({"mastery": "remembered", "feedback": "Right."})


def agreeable(system: str, user: str) -> Reply:
    return GRADED if "mastery" in system else QUESTION


@asynccontextmanager
async def reviewing(
    make: Make, database: dict[str, str], say: Callable[[str, str], Reply] | None, **more: Any
) -> AsyncIterator[tuple[Runtime, StreamingStub]]:
    """A server; without ``say`` it has no chat model."""
    stub = StreamingStub(say or agreeable).start()
    chosen = stub.settings() if say else {"EMBEDDER": "local"}
    try:
        async with Runtime(make(**{**database, **chosen, **more})) as runtime:
            yield runtime, stub
    finally:
        stub.stop()


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def write(runtime: Runtime, uid: str, content: str, **more: Any) -> str:
    return (await runtime.services.memos.create(uid, MemoBody(content=content, **more))).memo_id


async def profile(runtime: Runtime, uid: str, *rules: tuple[str, str, str], count: int = 20) -> str:
    made = [FilterRule(type=kind, operator=operator, value=value) for kind, operator, value in rules]
    body = ReviewProfileBody(name="p", filter_rules=made, question_count=count)
    return (await runtime.services.review_profiles.create(uid, body)).profile_id


async def begin(runtime: Runtime, uid: str, **body: Any) -> ReviewSession:
    return await runtime.services.reviews.create(uid, ReviewSessionBody(**body))


async def drawn(runtime: Runtime, uid: str, *rules: tuple[str, str, str]) -> set[str]:
    """The memos that a profile with these rules asks about."""
    try:
        session = await begin(runtime, uid, profile_id=await profile(runtime, uid, *rules))
    except AimoError as error:
        assert (error.code, error.message) == (
            Code.SYSTEM_ERROR,
            "No memos available for review in the selected scope",
        )
        return set()
    return {item.memo_id for item in session.items}


async def reply(runtime: Runtime, session: ReviewSession, place: int, answer: str) -> str:
    body = ReviewAnswerBody(item_id=session.items[place].item_id, answer=answer)
    return (await runtime.services.reviews.answer(session.uid, session.session_id, body)).mastery
