"""Every documented provider embeds, chats, streams and suggests tags, whatever it refuses and however it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import cache
from typing import Any

import httpcore2
import numpy as np
import pytest
from tests.support.dialect_rules import (
    ANSWER,
    DIMENSION,
    TAGS,
    Dialect,
    Reply,
    Rule,
    always,
    in_base64,
    no_field,
    no_system,
    only_temperature_1,
    openai,
    reply,
    streams_only,
    tokens,
    too_long,
    too_many,
    vector_of,
)
from tests.support.dialect_server import DialectServer
from tests.support.dialects import PROVIDERS, THOUGHT, WITHOUT_CHAT, WITHOUT_EMBEDDINGS

from aimo import metrics
from aimo.ai.chat import Prompt
from aimo.ai.openai_chat import OpenAIChat
from aimo.ai.openai_embedder import OpenAIEmbedder
from aimo.errors import ProviderError
from aimo.services.memos.tag_reply_parser import parse_tags

KEY = "sk-dialect-0123456789abcdef"
ASK = Prompt("You answer from notes.", "Where?")
ASK_FOR_TAGS = Prompt("You choose tags.", "Answer with a JSON list.")
# A message of this many tokens is too long for every provider here but one that cuts by itself.
LONG = "lorem ipsum dolor " * 2500
LONG_CHINESE = "今天我们去巴黎旅行" * 1200


@pytest.fixture(scope="module", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Reading them takes longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[DialectServer]:
    running = DialectServer(PROVIDERS)
    yield running
    running.close()


@asynccontextmanager
async def embedder(server: DialectServer, name: str) -> AsyncIterator[OpenAIEmbedder]:
    server.sent.clear()
    one = OpenAIEmbedder(server.url(name), KEY, "m", DIMENSION, timeout=5, waits=(0.001, 0.001))
    yield one
    await one.close()


@asynccontextmanager
async def chat(server: DialectServer, name: str) -> AsyncIterator[OpenAIChat]:
    server.sent.clear()
    one = OpenAIChat(server.url(name), KEY, "m", waits=(0.001, 0.001))
    yield one
    await one.close()


async def streamed(model: OpenAIChat, prompt: Prompt = ASK) -> str:
    async with aclosing(model.stream(prompt, seconds=5)) as pieces:
        return "".join([piece async for piece in pieces])


def truncated() -> float:
    return float(metrics.TRUNCATED._value.get())


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - WITHOUT_EMBEDDINGS))
async def test_provider_embeds_many_texts_and_long_ones(server: DialectServer, name: str) -> None:
    texts = [f"note {number}" for number in range(150)]
    texts[7], texts[140] = LONG, LONG_CHINESE
    before = truncated()
    async with embedder(server, name) as model:
        query = await model.embed(["note 3"], "query")
        outcomes = await model.embed_each(texts, "passage")
        long_query = await model.embed([LONG], "query")
    assert query[0].tolist() == vector_of("note 3")
    assert not [outcome for outcome in outcomes if isinstance(outcome, ProviderError)]
    short = [place for place in range(150) if place not in (7, 140)]
    assert [np.asarray(outcomes[place]).tolist() for place in short] == [vector_of(texts[place]) for place in short]
    sent = {text for body in server.sent for text in body["input"]}
    for place in (7, 140):
        beginnings = [text for text in sent if texts[place].startswith(text)]
        assert np.asarray(outcomes[place]).tolist() in [vector_of(text) for text in beginnings]
        assert len(beginnings) <= 8
    assert truncated() - before in (0, 3)
    assert long_query.shape == (1, DIMENSION)


@pytest.mark.parametrize("name", sorted(WITHOUT_EMBEDDINGS))
async def test_provider_without_embeddings_says_what_to_set(server: DialectServer, name: str) -> None:
    async with embedder(server, name) as model:
        with pytest.raises(ProviderError, match="EMBEDDER=local") as failed:
            await model.embed(["note"], "query")
    assert failed.value.retryable


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - WITHOUT_CHAT))
async def test_provider_chats_streams_and_suggests_tags(server: DialectServer, name: str) -> None:
    async with chat(server, name) as model:
        assert await model.complete(ASK, seconds=5) == ANSWER
        assert await streamed(model) == ANSWER
        assert parse_tags(await model.complete(ASK_FOR_TAGS, seconds=5)) == TAGS
        calls = len(server.sent)
        assert await model.complete(ASK, seconds=5) == ANSWER
        assert await streamed(model) == ANSWER
    assert len(server.sent) - calls == 2, "what is refused is remembered"


async def test_provider_without_chat_says_what_to_check(server: DialectServer) -> None:
    async with chat(server, "tei") as model:
        with pytest.raises(ProviderError, match="HTTP 404; check OPENAI_BASE_URL"):
            await model.complete(ASK, seconds=5)


def speaking(server: DialectServer, dialect: Dialect) -> str:
    server.dialects["tested"] = dialect
    return "tested"


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(index=lambda at: {}),
        Dialect(index=lambda at: {"index": 0}),
        Dialect(index=lambda at: {"index": at + 1}),
        Dialect(index=lambda at: {"index": None}),
        Dialect(index=lambda at: {"index": str(at)}),
        Dialect(vector=in_base64),
        Dialect(vector=lambda vector: [vector]),
        Dialect((no_field("dimensions", 422, {"detail": [{"loc": ["body", "dimensions"], "msg": "Extra inputs"}]}),)),
        Dialect((no_field("dimensions", 400, {"error": "This model does not support specifying dimensions."}),)),
        Dialect((no_field("dimensions", 403, openai("You may not set dimensions")),)),
        Dialect((no_field("encoding_format", 405, openai("encoding_format is not supported")),)),
        Dialect((no_field("encoding_format", 422, ""),)),
        Dialect((no_field("dimensions", 400, {"error": "bad request"}),)),
        Dialect((no_field("encoding_format", 400, {"message": "Unrecognized request argument supplied"}),)),
        Dialect(
            (
                no_field(
                    "encoding_format", 400, {"error": {"code": "1210", "message": "API 调用参数有误，请检查文档。"}}
                ),
            )
        ),
        Dialect((too_many(1, 400, "input must be a string"),)),
        Dialect(
            (
                lambda body: (
                    None if isinstance(body["input"], str) else always(422, {"error": "input must be a string"})({})
                ),
            )
        ),
        Dialect((too_many(10, 400, "no"),)),
        Dialect((too_many(5, 500, "internal error"),)),
        Dialect((too_many(16, 413, "", lambda message: ""),)),
        Dialect((too_many(20, 400, "Too many inputs. The maximum number of inputs is {most}."),)),
        Dialect((too_many(20, 200, "input批次数量超过最大限制{most}"),)),
    ],
)
async def test_other_forms_of_embeddings_work(server: DialectServer, dialect: Dialect) -> None:
    texts = [f"note {number}" for number in range(40)]
    async with embedder(server, speaking(server, dialect)) as model:
        first = await model.embed(["note 1"], "query")
        outcomes = await model.embed_each(texts, "passage")
    assert first[0].tolist() == vector_of("note 1")
    assert [np.asarray(outcome).tolist() for outcome in outcomes] == [vector_of(text) for text in texts]


@pytest.mark.parametrize("text", ["lorem ipsum dolor " * 600, "今天我们去巴黎旅行" * 400, "混合 mixed text " * 600])
@pytest.mark.parametrize("most", [128, 256, 2048])
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "maximum context length is {most} tokens"),
        (500, "the input is too long"),
        (422, "inputs must have less than {most} tokens. Given: {got}"),
        (413, ""),
        (400, "输入文本超过最大长度限制"),
        (400, "Prompt 超长"),
        (200, "input length exceeds the context length"),
        (400, "string_above_max_length"),
    ],
)
async def test_a_text_too_long_is_cut_as_far_as_needed_and_no_further(
    server: DialectServer, status: int, message: str, most: int, text: str
) -> None:
    before = truncated()
    async with embedder(server, speaking(server, Dialect((too_long(most, status, message),)))) as model:
        (outcome,) = await model.embed_each([text], "passage")
    assert not isinstance(outcome, ProviderError)
    beginning = server.sent[-1]["input"][0]
    assert text.startswith(beginning)
    assert most / 12 <= tokens(beginning) <= most
    assert len(server.sent) <= 8
    assert truncated() - before == 1


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            always(200, {"error": {"message": "No successful provider responses.", "code": 404}}),
            "HTTP 404: No successful",
        ),
        (always(200, "<html><title>Sign in</title></html>"), "check OPENAI_BASE_URL"),
        (always(503, "<html><title>Bad gateway</title></html>"), "HTTP 503: Bad gateway"),
        (always(401, {"error": {"message": f"Incorrect API key provided: {KEY[:8]}****cdef"}}), "check OPENAI_API_KEY"),
        (always(400, [{"error": {"message": "API key not valid. Please pass a valid API key."}}]), "API key not valid"),
        (
            always(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
            "your current quota",
        ),
        (always(402, {"error": {"message": "Insufficient Balance"}}), "Insufficient Balance"),
        (always(400, {"error": "model 'm' not found, try pulling it first"}), "try pulling it"),
        (always(200, {"object": "list", "data": []}), "expected 2 vectors, got 0"),
    ],
)
async def test_what_does_not_work_fails_with_the_providers_reason(server: DialectServer, rule: Rule, told: str) -> None:
    async with embedder(server, speaking(server, Dialect((rule,)))) as model:
        for outcome in await model.embed_each(["one", "two"], "passage"):
            assert isinstance(outcome, ProviderError)
            assert outcome.retryable, "no text is at fault"
            assert told in str(outcome)
            assert "sk-" not in str(outcome)
            assert "cdef" not in str(outcome)


@pytest.mark.parametrize(
    ("vector", "told"),
    [
        (lambda vector: [float("nan"), *vector[1:]], "NaN"),
        (lambda vector: [None, *vector[1:]], "NaN|more than numbers"),
        (lambda vector: vector + vector, "OPENAI_EMBEDDING_DIMENSIONS"),
        (lambda vector: "no base64!", "base64"),
        (lambda vector: {"values": vector}, "not a list"),
        (lambda vector: [0.0] * len(vector), "zeros"),
    ],
)
async def test_vectors_that_are_none_are_refused(
    server: DialectServer, vector: Callable[[Any], Any], told: str
) -> None:
    async with embedder(server, speaking(server, Dialect(vector=vector))) as model:
        with pytest.raises(ProviderError, match=told):
            await model.embed(["note"], "query")


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(chat_rules=(only_temperature_1("`temperature` is deprecated for this model."),)),
        Dialect(chat_rules=(no_field("temperature", 422, {"detail": "Extra inputs are not permitted"}),)),
        Dialect(
            chat_rules=(no_system(400, openai("Unsupported value: 'messages[0].role' does not support 'system'")),)
        ),
        Dialect(chat_rules=(no_system(400, openai("invalid message role: system (2013)")),)),
        Dialect(chat_rules=(no_system(500, {"error": "Conversation roles must alternate user/assistant/user"}),)),
        Dialect(chat_rules=(no_field("temperature", 403, openai("The parameter temperature is not allowed")),)),
        Dialect(chat_rules=(no_field("temperature", 405, openai("temperature cannot be set")),)),
        Dialect(chat_rules=(no_system(404, openai("system messages are not supported")),)),
        Dialect(chat_rules=(no_system(501, openai("role system is not implemented")),)),
        Dialect(chat_rules=(no_field("temperature", 400, ""),)),
        Dialect(chat_rules=(no_system(422, {"error": "bad request"}),)),
        Dialect(chat_rules=(no_field("temperature", 400, "no"), no_system(400, "no"))),
        Dialect(chat_rules=(streams_only("This model only support stream mode, please enable the stream parameter."),)),
        Dialect(chat_rules=(streams_only("enable thinking can not be support when `stream=False`."),)),
        Dialect(
            content=lambda text: [
                {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                {"type": "text", "text": text},
            ]
        ),
        Dialect(content=lambda text: [text[:5], {"type": "output_text", "text": text[5:]}]),
        Dialect(says_done=False),
        Dialect(finish=None),
        Dialect(finish="STOP"),
        Dialect(before=("event: ping", "data:")),
    ],
)
async def test_other_forms_of_chat_work(server: DialectServer, dialect: Dialect) -> None:
    async with chat(server, speaking(server, dialect)) as model:
        assert await streamed(model) == ANSWER
        assert await model.complete(ASK, seconds=5) == ANSWER
        assert parse_tags(await model.complete(ASK_FOR_TAGS, seconds=5)) == TAGS


async def test_an_unexplained_refusal_is_looked_into_for_a_few_calls_only(server: DialectServer) -> None:
    name = speaking(server, Dialect((always(400, "no"),), (always(400, "no"),)))
    async with chat(server, name) as model:
        for _ in range(20):
            with pytest.raises(ProviderError, match="HTTP 400"):
                await model.complete(ASK, seconds=5)
        assert (len(server.sent), model.left_out) == (20 + 5 * 3, frozenset())
    async with embedder(server, name) as embedding:
        for number in range(20):
            with pytest.raises(ProviderError, match="HTTP 400"):
                await embedding.embed([f"note {number}"], "query")
        assert (len(server.sent), embedding.left_out) == (20 + 5 * 3, frozenset())


async def test_a_first_stream_shows_no_thought_that_the_template_has_opened(server: DialectServer) -> None:
    name = speaking(server, Dialect(content=lambda text: f"{THOUGHT}</think>\n\n{text}"))
    for model_name in ("deepseek-r1:8b", "QwQ-32B", "Qwen3-30B-A3B-Thinking-2507"):
        model = OpenAIChat(server.url(name), KEY, model_name, waits=())
        assert await streamed(model) == ANSWER
        await model.close()
    server.dialects[name] = Dialect()
    model = OpenAIChat(server.url(name), KEY, "deepseek-r1:8b", waits=())
    assert await streamed(model) == ANSWER
    async with aclosing(model.stream(ASK, seconds=5)) as pieces:
        assert await anext(pieces) != ANSWER, "it does not think here, so nothing is held back any more"
    await model.close()


async def test_a_prompt_too_long_for_the_model_is_shortened_in_its_middle(server: DialectServer) -> None:
    def rule(body: dict[str, Any]) -> Any:
        long = sum(tokens(message["content"]) for message in body["messages"]) > 2000
        return (
            always(400, openai("request (9000 tokens) exceeds the available context size (2000 tokens)"))({})
            if long
            else None
        )

    async with chat(server, speaking(server, Dialect(chat_rules=(rule,)))) as model:
        asked = Prompt("You answer.", f"Question: where? {LONG} Cite each note.")
        assert await model.complete(asked, seconds=5) == ANSWER
    said = server.sent[-1]["messages"][1]["content"]
    assert said.startswith("Question: where?")
    assert said.endswith("Cite each note.")


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        (Dialect(breaks_after=5), "broke off"),
        (Dialect(breaks_after=0), "broke off"),
        (Dialect(finish="error", says_done=False), "broke off"),
        (Dialect(finish="insufficient_system_resource"), "broke off"),
        (Dialect(finish="network_error"), "broke off"),
        (Dialect(before=('data: {"code":500,"message":"inference died"}',)), "inference died"),
        (Dialect(before=('data: {"error":{"message":"upstream died","code":502}}',)), "HTTP 502: upstream died"),
        (Dialect(before=('data: {"object":"error","message":"out of memory","code":500}',)), "out of memory"),
        (Dialect(before=("data: {not json",)), "not JSON"),
        (Dialect(content=lambda text: "", finish="content_filter"), "filter withheld"),
        (Dialect(content=lambda text: None, extra={"refusal": "I cannot help."}), "declined: I cannot help"),
        (Dialect(chat_rules=(always(200, {"error": {"message": "upstream down", "code": 400}}),)), "upstream down"),
        (Dialect(chat_rules=(always(200, "<html></html>"),)), "not a chat completion"),
    ],
)
async def test_streams_that_are_no_answers_fail_with_the_reason(
    server: DialectServer, dialect: Dialect, told: str
) -> None:
    async with chat(server, speaking(server, dialect)) as model:
        with pytest.raises(ProviderError, match=told):
            await streamed(model)


@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(content=lambda text: None, extra={"reasoning_content": THOUGHT}),
        Dialect(content=lambda text: f"<think>{THOUGHT}", finish="length"),
        Dialect(chat_rules=(always(200, {"choices": []}),)),
    ],
)
async def test_a_model_that_only_thinks_or_is_silent_says_nothing(server: DialectServer, dialect: Dialect) -> None:
    async with chat(server, speaking(server, dialect)) as model:
        assert await model.complete(ASK, seconds=5) == ""
        assert await streamed(model) == ""


async def test_a_refusal_that_quotes_a_text_takes_no_parameter_from_other_texts(server: DialectServer) -> None:
    poison = "the third dimension of space"

    def rule(body: Any) -> Reply | None:
        if poison in str(body["input"]):
            return reply(400, openai(f"content rejected by moderation: {poison}"))
        return None if "dimensions" in body else reply(400, openai("the default size is larger"))

    dialect = Dialect((rule,))
    async with embedder(server, speaking(server, dialect)) as model:
        with pytest.raises(ProviderError, match="moderation"):
            await model.embed([poison], "passage")
        assert len(await model.embed(["another note"], "passage")) == 1
        with pytest.raises(ProviderError):
            await model.embed([f"{poison}, again"], "passage")
        assert len(await model.embed(["one more note"], "passage")) == 1
