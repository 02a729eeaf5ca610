"""The picks of the day: one choice, whoever asks and however often."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from sqlalchemy import text
from tests.support.streaming_stub import StreamingStub

from aimo import clock
from aimo.config import Settings
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime

Make = Callable[..., Settings]


def ids_in(user: str) -> list[str]:
    return re.findall(r"^\d+\. ID: (\S+)$", user, re.MULTILINE)


@pytest.fixture
def talking() -> Iterator[StreamingStub]:
    stub = StreamingStub(lambda system, user: "Sure: " + json.dumps(ids_in(user)[-3:])).start()
    yield stub
    stub.stop()


@pytest.fixture
async def runtime(settings: Make, migrated_database: dict[str, str], talking: StreamingStub) -> AsyncIterator[Runtime]:
    async with Runtime(settings(**migrated_database, **talking.settings())) as opened:
        yield opened


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def write(runtime: Runtime, uid: str, count: int) -> list[str]:
    return [(await runtime.services.memos.create(uid, MemoBody(content=f"memo {n}"))).memo_id for n in range(count)]


async def picked(runtime: Runtime, uid: str) -> list[str]:
    return [memo.memo_id for memo in await runtime.services.recommendations.daily(uid)]


async def rows(runtime: Runtime) -> int:
    async with runtime.services.database.reads() as connection:
        return int((await connection.execute(text("SELECT COUNT(*) FROM daily_recommendations"))).scalar_one())


async def test_the_model_chooses_once_a_day(
    runtime: Runtime, talking: StreamingStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await user(runtime)
    memos = await write(runtime, alice, 5)
    assert await picked(runtime, alice) == await picked(runtime, alice) == memos[-3:]
    assert len(talking.asked) == 1
    tomorrow = clock.now_ms() + 86_400_000
    monkeypatch.setattr(clock, "now_ms", lambda: tomorrow)
    assert len(await picked(runtime, alice)) == 3
    assert await rows(runtime) == len(talking.asked) == 2


async def test_twenty_at_once_make_one_choice(runtime: Runtime, talking: StreamingStub) -> None:
    alice = await user(runtime)
    await write(runtime, alice, 12)
    found = await asyncio.gather(*(picked(runtime, alice) for _ in range(20)))
    assert len({tuple(ids) for ids in found}) == 1
    assert len(set(found[0])) == 3
    assert await rows(runtime) == len(talking.asked) == 1


async def test_processes_that_choose_at_once_agree(
    settings: Make, migrated_database: dict[str, str], talking: StreamingStub
) -> None:
    chosen = settings(**migrated_database, **talking.settings())
    async with Runtime(chosen) as one, Runtime(chosen, worker=False) as other:
        alice = await user(one)
        await write(one, alice, 12)
        found = await asyncio.gather(*(picked(each, alice) for each in (one, other) * 5))
        assert len({tuple(ids) for ids in found}) == 1
        assert await rows(one) == 1


async def test_few_memos_are_all_picked_without_asking_the_model(runtime: Runtime, talking: StreamingStub) -> None:
    alice = await user(runtime)
    assert await picked(runtime, alice) == []
    assert await rows(runtime) == 0
    memos = await write(runtime, alice, 3)
    assert await picked(runtime, alice) == memos
    assert talking.asked == []


async def test_deleted_picks_are_replaced(runtime: Runtime) -> None:
    alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
    memos = await write(runtime, alice, 4)
    await write(runtime, bob, 4)
    before = await picked(runtime, alice)
    await runtime.services.memos.delete(alice, before[1])
    after = await picked(runtime, alice)
    assert set(after) == set(memos) - {before[1]}
    assert after == await picked(runtime, alice)
    for memo in after:
        await runtime.services.memos.delete(alice, memo)
    assert await picked(runtime, alice) == []
    assert await rows(runtime) == 0


@pytest.mark.parametrize("reply", ["", "no idea", "[1, 2]", '["mstranger0000000000000000"]', "[[[", 400])
async def test_unusable_replies_fall_back_to_random(settings: Make, reply: str | int) -> None:
    stub = StreamingStub(lambda system, user: reply).start()
    async with Runtime(settings(**stub.settings())) as runtime:
        alice = await user(runtime)
        memos = await write(runtime, alice, 5)
        found = await picked(runtime, alice)
    stub.stop()
    assert len(set(found)) == 3
    assert set(found) <= set(memos)


async def test_partial_replies_are_filled_up(settings: Make) -> None:
    stub = StreamingStub(lambda system, user: json.dumps([ids_in(user)[4], ids_in(user)[4], "x"])).start()
    async with Runtime(settings(**stub.settings())) as runtime:
        alice = await user(runtime)
        memos = await write(runtime, alice, 6)
        found = await picked(runtime, alice)
    stub.stop()
    assert found[0] == memos[4]
    assert len(set(found)) == 3
