from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.support.stub import DIMENSIONS, Stub

from aimo.ai.openai_embedder import OpenAIEmbedder
from aimo.errors import ProviderError

from .scripted_provider import Answer, ScriptedProvider, refusal, vectors

KEY = "sk-proj-verysecretkey1234567890"
Make = Callable[..., OpenAIEmbedder]
Script = Callable[[Callable[[dict[str, Any]], Answer]], ScriptedProvider]


def answer_always(answer: Any, body: Any) -> Any:
    return answer


@pytest.fixture
async def make(stub: Stub) -> AsyncIterator[Make]:
    made: list[OpenAIEmbedder] = []

    def build(url: str = "", dimension: int = DIMENSIONS, **options: Any) -> OpenAIEmbedder:
        options = {"timeout": 5.0, "waits": (0.01, 0.02), **options}
        made.append(OpenAIEmbedder(url or f"{stub.url}/v1", KEY, "text-embedding-3-small", dimension, **options))
        return made[-1]

    yield build
    for embedder in made:
        await embedder.close()


@pytest.fixture
def script() -> Any:
    providers: list[ScriptedProvider] = []

    def start(answers: Callable[[dict[str, Any]], Answer]) -> ScriptedProvider:
        providers.append(ScriptedProvider(answers))
        return providers[-1]

    yield start
    for provider in providers:
        provider.close()


def calls(stub: Stub) -> int:
    return int(stub.stats()["requests"].get("POST /embeddings", 0))


async def test_vectors_come_in_the_order_of_the_texts(make: Make) -> None:
    embedder = make()
    both = await embedder.embed(["买牛奶", "fix the bike"], "passage")
    assert both.shape == (2, DIMENSIONS)
    assert both.dtype == np.float32
    assert np.array_equal(both[1], (await embedder.embed(["fix the bike"], "query"))[0])


async def test_request_carries_an_array_the_dimension_and_floats(make: Make, script: Script) -> None:
    provider = script(lambda body: vectors([1.0, 2.0]))
    assert (await make(provider.url, 2).embed(["a\ud800"], "query")).tolist() == [[1.0, 2.0]]
    expected = {"model": "text-embedding-3-small", "input": ["a\ufffd"], "encoding_format": "float", "dimensions": 2}
    assert provider.bodies == [expected]
    assert provider.keys == [f"Bearer {KEY}"]


async def test_answer_out_of_order_is_put_in_order(make: Make, script: Script) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        status, value, headers = vectors([1.0], [2.0])
        value["data"].reverse()
        return status, value, headers

    assert (await make(script(answer).url, 1).embed(["a", "b"], "query")).tolist() == [[1.0], [2.0]]


async def test_no_text_makes_no_call(make: Make, stub: Stub) -> None:
    assert (await make().embed([], "query")).shape == (0, DIMENSIONS)
    assert await make().embed_each([], "query") == []
    with pytest.raises(ProviderError) as caught:
        await make().embed(["fine", " \n"], "passage")
    assert not caught.value.retryable
    assert calls(stub) == 0


async def test_many_texts_are_sent_in_batches_of_bounded_size(make: Make, stub: Stub) -> None:
    assert len(await make().embed([f"memo {n}" for n in range(2049)], "passage")) == 2049
    assert calls(stub) == 2
    stub.reset()
    assert len(await make().embed(["x" * 80_000] * 3, "passage")) == 3
    assert calls(stub) == 3


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
async def test_transient_failures_are_tried_three_times(make: Make, stub: Stub, status: int) -> None:
    with pytest.raises(ProviderError) as caught:
        await make().embed([f"[[stub:{status}]]"], "query")
    assert caught.value.retryable
    assert str(status) in str(caught.value)
    assert calls(stub) == 3


async def test_transient_failure_is_got_over(make: Make, stub: Stub) -> None:
    stub.configure(fail_next=2)
    assert len(await make().embed(["hello"], "query")) == 1


@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (413, False), (422, False), (401, True), (403, True), (404, True)]
)
async def test_refusals_are_not_repeated(make: Make, stub: Stub, status: int, retryable: bool) -> None:
    """Once the provider has worked: before, a parameter may be at fault that it does not name."""
    embedder = make()
    await embedder.embed(["hello"], "query")
    with pytest.raises(ProviderError) as caught:
        await embedder.embed([f"[[stub:{status}]]"], "query")
    assert caught.value.retryable is retryable
    assert calls(stub) == 2


async def test_unreachable_provider_is_an_outage(make: Make, stub: Stub) -> None:
    stub.stop()
    with pytest.raises(ProviderError, match="cannot be reached") as caught:
        await make().embed(["hello"], "query")
    assert caught.value.retryable


async def test_hanging_provider_is_given_up_in_time(make: Make) -> None:
    started = time.monotonic()
    with pytest.raises(ProviderError, match="in time"):
        await make(timeout=0.1).embed(["[[stub:sleep=5000]]"], "query")
    assert time.monotonic() - started < 3


async def test_cancelled_call_leaves_the_embedder_usable(make: Make) -> None:
    embedder = make()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await embedder.embed(["[[stub:sleep=500]]"], "query")
    assert len(await embedder.embed(["hello"], "query")) == 1


async def test_retry_after_is_honoured_within_reason(make: Make, script: Script, monkeypatch: Any) -> None:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    for asked in ("3", "86400", "Wed, 21 Oct 2026 07:28:00 GMT"):
        refused = refusal(429, headers={"Retry-After": asked})
        provider = script(partial(answer_always, refused))
        embedder = make(provider.url, 1, waits=(0.5,))
        with monkeypatch.context() as patch, pytest.raises(ProviderError):
            patch.setattr("aimo.ai.openai_embedder.asyncio.sleep", note)
            await embedder.embed(["hello"], "query")
    assert pauses[:2] == [3, 10]
    assert pauses[2] == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (vectors([1.0, 2.0, 3.0]), "vectors of 2 numbers, got 3"),
        (vectors([1.0, 2.0], [1.0, 2.0]), "expected 1 vectors, got 2"),
        (vectors(), "expected 1 vectors, got 0"),
        (vectors([0.0, 0.0]), "vector of zeros"),
        (vectors([float("nan"), 1.0]), "NaN"),
        (vectors([1e300, 1.0]), "infinity"),
        (vectors(["a", "b"]), "not a list of embeddings"),
        ((200, {"data": None}, {}), "not a list of embeddings"),
        ((200, {"object": "list"}, {}), "not a list of embeddings"),
        ((200, [1, 2], {}), "not a list of embeddings"),
        ((200, "{not json", {}), "not a list of embeddings"),
        ((200, "<html>", {"Content-Type": "text/html"}), "not a list of embeddings"),
    ],
)
async def test_wrong_answer_is_refused(make: Make, script: Script, answer: Answer, told: str) -> None:
    with pytest.raises(ProviderError, match=told) as caught:
        await make(script(lambda body: answer).url, 2).embed(["hello"], "query")
    assert caught.value.retryable


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_key_and_text_never_appear_in_errors_or_logs(
    make: Make, script: Script, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.INFO)
    message = f"Incorrect API key provided: {KEY[:7]}****7890 {KEY}; input was: my diary"
    provider = script(lambda body: refusal(status, message, code="invalid_api_key"))
    with pytest.raises(ProviderError) as caught:
        await make(provider.url, 2).embed(["my diary"], "query")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__) + caplog.text
    assert "invalid_api_key" in str(caught.value)
    assert "sk-proj" not in told
    assert "7890" not in told
    assert "diary" not in str(caught.value)


async def test_one_refused_text_costs_no_other_its_vector(make: Make, stub: Stub) -> None:
    texts = [f"memo {n}" for n in range(20)]
    texts[7] = "[[stub:400]] poison"
    texts[13] = "  "
    outcomes = await make().embed_each(texts, "passage")
    failed = {place: o for place, o in enumerate(outcomes) if isinstance(o, ProviderError)}
    assert sorted(failed) == [7, 13]
    assert not any(error.retryable for error in failed.values())
    direct = await make().embed(["memo 19"], "passage")
    assert np.array_equal(np.asarray(outcomes[19]), direct[0])


async def test_one_text_that_breaks_the_provider_costs_no_other_its_vector(make: Make) -> None:
    outcomes = await make().embed_each(["one", "two", "[[stub:500]]", "four", "[[stub:503]]"], "passage")
    failed = {place: o for place, o in enumerate(outcomes) if isinstance(o, ProviderError)}
    assert sorted(failed) == [2, 4]
    assert not any(error.retryable for error in failed.values()), "the provider answers for other texts"


async def test_outage_is_noticed_once_and_not_asked_about_for_every_text(make: Make, stub: Stub) -> None:
    stub.configure(fail_rate=1.0)
    outcomes = await make().embed_each([f"memo {n}" for n in range(5000)], "passage")
    assert len(outcomes) == 5000
    assert all(isinstance(o, ProviderError) and o.retryable for o in outcomes)
    assert calls(stub) == 3


async def test_wrong_key_is_an_outage(make: Make, stub: Stub) -> None:
    stub.state.require_key = "another"
    outcomes = await make().embed_each(["one", "two"], "passage")
    assert all(isinstance(o, ProviderError) and o.retryable and "OPENAI_API_KEY" in str(o) for o in outcomes)
    assert calls(stub) == 2


async def test_text_too_long_for_the_model_is_found_by_its_beginning(make: Make, script: Script) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        too_long = any(len(text) > 2000 for text in body["input"])
        return refusal(400, code="context_length_exceeded") if too_long else vectors(*([[1.0]] * len(body["input"])))

    outcomes = await make(script(answer).url, 1).embed_each(["长" * 9000, "short"], "passage")
    assert not any(isinstance(o, ProviderError) for o in outcomes)


async def test_batch_size_of_the_provider_is_learnt(make: Make, script: Script) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        count = len(body["input"])
        return refusal(400) if count > 10 else vectors(*([[1.0]] * count))

    provider = script(answer)
    embedder = make(provider.url, 1)
    texts = [f"memo {n}" for n in range(64)]
    assert not any(isinstance(o, ProviderError) for o in await embedder.embed_each(texts, "passage"))
    provider.bodies.clear()
    await embedder.embed_each(texts, "passage")
    assert [len(body["input"]) for body in provider.bodies] == [8] * 8
