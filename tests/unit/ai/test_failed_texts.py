"""A text that cannot be embedded is asked for five times a minute at most, and ever more rarely."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from tests.support.dialect_rules import DIMENSION, Body, Dialect, Reply, inputs, reply
from tests.support.dialect_server import DialectServer

from aimo.ai.failed_texts import MOST_ASKS, FailedTexts
from aimo.ai.openai_embedder import OpenAIEmbedder
from aimo.errors import ProviderError

BROKEN = "this one breaks the model " * 40


class Clock:
    """Seconds that a test moves on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaks(body: Body) -> Reply | None:
    broken = any(text.startswith("this one breaks") for text in inputs(body))
    return reply(500, {"error": {"message": "segmentation fault"}}) if broken else None


@pytest.fixture
def server() -> Iterator[DialectServer]:
    running = DialectServer({"breaks": Dialect((breaks,))})
    yield running
    running.close()


@pytest.fixture
async def embedder(server: DialectServer, clock: Clock) -> AsyncIterator[OpenAIEmbedder]:
    one = OpenAIEmbedder(server.url("breaks"), "key", "m", DIMENSION, timeout=5, waits=(0.001, 0.001))
    one._failed = FailedTexts(clock)
    yield one
    await one.close()


def asks(server: DialectServer) -> int:
    count = sum(any(text.startswith("this one breaks") for text in body["input"]) for body in server.sent)
    server.sent.clear()
    return count


@pytest.mark.parametrize("others", [0, 1, 30, 200])
async def test_the_model_is_asked_less_and_less(
    server: DialectServer, embedder: OpenAIEmbedder, clock: Clock, others: int
) -> None:
    texts = [*(f"note {number}" for number in range(others)), BROKEN]
    asked = []
    for _ in range(60):
        outcomes = await embedder.embed_each(texts, "passage")
        assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, ProviderError)] == [others]
        broken = outcomes[others]
        assert isinstance(broken, ProviderError)
        assert not broken.retryable
        assert "segmentation fault" in str(broken)
        asked.append(asks(server))
        clock.now += 10
    minutes = [sum(asked[at : at + 6]) for at in range(55)]
    assert max(minutes) <= MOST_ASKS
    assert sum(asked[30:]) < sum(asked[:30])


def hangs(body: Body) -> Reply | None:
    if not any(text.startswith("this one breaks") for text in inputs(body)):
        return None
    time.sleep(0.2)
    return reply(500, "")


@pytest.mark.parametrize("limit", [0.1, None], ids=["cancelled", "timed out"])
@pytest.mark.parametrize("others", [0, 20])
async def test_a_text_on_which_the_provider_hangs_is_asked_for_less_and_less(
    server: DialectServer, embedder: OpenAIEmbedder, clock: Clock, others: int, limit: float | None
) -> None:
    server.dialects["breaks"] = Dialect((hangs,))
    embedder._timeout = 0.1 if limit is None else 5
    await embedder.embed(["another"], "query")
    texts = [BROKEN, *(f"note {number}" for number in range(others))]
    asked = []
    for _ in range(40):
        outcomes: list[object] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                outcomes = list(await embedder.embed_each(texts, "passage"))
        asked.append(asks(server))
        clock.now += 10
    assert max(sum(asked[at : at + 6]) for at in range(35)) <= MOST_ASKS
    assert sum(asked[20:]) < sum(asked[:20])
    assert [isinstance(outcome, ProviderError) for outcome in outcomes] == [True, *[False] * others]


@pytest.mark.parametrize("limit", [0.1, None], ids=["cancelled", "timed out"])
async def test_a_query_on_which_the_provider_hangs_is_asked_five_times_a_minute(
    server: DialectServer, embedder: OpenAIEmbedder, limit: float | None
) -> None:
    server.dialects["breaks"] = Dialect((hangs,))
    embedder._timeout = 0.1 if limit is None else 5
    await embedder.embed(["another"], "query")
    for _ in range(8):
        with suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(limit):
                await embedder.embed([BROKEN], "query")
        await embedder.embed(["another"], "query")
    assert 0 < asks(server) <= MOST_ASKS


async def test_a_text_that_works_again_is_forgotten(
    server: DialectServer, embedder: OpenAIEmbedder, clock: Clock
) -> None:
    await embedder.embed_each([BROKEN], "passage")
    server.dialects["breaks"] = Dialect()
    clock.now += 61
    (outcome,) = await embedder.embed_each([BROKEN], "passage")
    assert not isinstance(outcome, ProviderError)
    assert embedder._failed.reason_not_to_ask(BROKEN) is None


async def test_during_an_outage_something_harmless_is_asked_for(
    server: DialectServer, embedder: OpenAIEmbedder
) -> None:
    server.dialects["breaks"] = Dialect((lambda body: reply(503, ""),))
    for _ in range(20):
        (outcome,) = await embedder.embed_each([BROKEN], "passage")
        assert isinstance(outcome, ProviderError)
        assert outcome.retryable
    assert asks(server) <= MOST_ASKS
    server.dialects["breaks"] = Dialect()
    (outcome,) = await embedder.embed_each([BROKEN], "passage")
    assert not isinstance(outcome, ProviderError)


def test_the_least_recent_texts_are_forgotten(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr("aimo.ai.failed_texts._REMEMBERED", 2)
    failed, error = FailedTexts(clock), ProviderError("no")
    for text in ("a", "b", "c"):
        failed.add(text, error, times=MOST_ASKS)
    assert [failed.reason_not_to_ask(text) for text in ("a", "b", "c")] == [None, error, error]
