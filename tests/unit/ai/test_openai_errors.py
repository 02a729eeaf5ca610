from __future__ import annotations

import httpx2
import openai
import pytest

from aimo.ai.openai_errors import is_transient, provider_error, retry_after

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/embeddings")


def answered(status: int, code: object = None, headers: dict[str, str] | None = None) -> openai.APIStatusError:
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    return openai.APIStatusError("secret words", response=response, body={"code": code, "param": "input[0]; DROP"})


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refused_content_is_not_worth_another_try(status: int) -> None:
    assert not provider_error(answered(status), "Embedding").retryable


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 409, 429, 500, 503])
def test_everything_else_may_be_repaired(status: int) -> None:
    assert provider_error(answered(status), "Embedding").retryable


def test_only_codes_are_repeated_from_an_answer() -> None:
    told = str(provider_error(answered(429, "insufficient_quota"), "Embedding"))
    assert told == "Embedding: the provider answered HTTP 429, insufficient_quota"
    assert "sk-" not in str(provider_error(answered(400, "sk-abc"), "Embedding"))
    assert str(provider_error(answered(400, {"a": 1}), "Chat")) == "Chat: the provider answered HTTP 400"


def test_network_failures_and_time_outs_are_transient() -> None:
    for error in (TimeoutError(), openai.APITimeoutError(REQUEST), openai.APIConnectionError(request=REQUEST)):
        assert is_transient(error, conflict=False)
        assert provider_error(error, "Embedding").retryable
    assert not is_transient(openai.OpenAIError("odd"), conflict=True)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (answered(408), True),
        (answered(429), True),
        (answered(500), True),
        (answered(529), True),
        (answered(400), False),
        (answered(404), False),
        (answered(429, "insufficient_quota"), False),
    ],
)
def test_only_transient_errors_are_retried(error: openai.APIStatusError, again: bool) -> None:
    assert is_transient(error, conflict=True) is is_transient(error, conflict=False) is again


def test_a_conflict_passes_for_embeddings_and_not_for_chat() -> None:
    assert is_transient(answered(409), conflict=True)
    assert not is_transient(answered(409), conflict=False)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2", 2.0), ("0.5", 0.5), ("3600", 10.0), ("inf", None), ("-1", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
def test_retry_after_is_read_in_plain_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(answered(429, headers={"retry-after": value})) == seconds
