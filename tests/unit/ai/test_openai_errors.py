from __future__ import annotations

from email.utils import formatdate

import httpx2
import openai
import pytest

from aimo import clock
from aimo.ai import provider_reasons
from aimo.ai.openai_errors import Refusal, connection_error, refusal_in, refusal_of

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/embeddings")
DIARY = "Tonight I saw the old lighthouse again and thought of Jane"


def answered(
    status: int, code: object = None, headers: dict[str, str] | None = None, message: object = None
) -> Refusal:
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    body = {"code": code, "param": "input[0]; DROP", "message": message}
    found = refusal_of(openai.APIStatusError("secret words", response=response, body=body))
    assert found is not None
    return found


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refused_content_is_not_worth_another_try(status: int) -> None:
    assert not answered(status).error("Embedding").retryable


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 409, 429, 500, 503])
def test_everything_else_may_be_repaired(status: int) -> None:
    assert answered(status).error("Embedding").retryable


def test_codes_and_the_reason_are_reported() -> None:
    told = str(answered(429, "insufficient_quota").error("Embedding"))
    assert told == "Embedding: the provider answered HTTP 429, insufficient_quota"
    assert "sk-" not in str(answered(400, "sk-abc").error("Embedding"))
    assert str(answered(400, {"a": 1}).error("Chat")) == "Chat: the provider answered HTTP 400"
    assert str(answered(400, message="no\nsuch  model").error("Chat")).endswith("HTTP 400: no such model")


def test_network_failures_and_time_outs_are_retryable() -> None:
    for error in (TimeoutError(), openai.APITimeoutError(REQUEST), openai.APIConnectionError(request=REQUEST)):
        assert refusal_of(error) is None
        assert connection_error(error, "Embedding").retryable
        assert not connection_error(error, "Embedding").answered


@pytest.mark.parametrize(
    ("refusal", "again"),
    [
        (answered(408), True),
        (answered(429), True),
        (answered(500), True),
        (answered(529), True),
        (answered(400), False),
        (answered(404), False),
        (answered(409), False),
        (answered(429, "insufficient_quota"), False),
    ],
)
def test_only_transient_errors_are_retried(refusal: Refusal, again: bool) -> None:
    assert refusal.is_transient is again


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("3600", 10.0),
        ("inf", None),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 10.0),
        ("Wed, 99 Oct 2099 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(value: str, seconds: float | None) -> None:
    assert answered(429, headers={"retry-after": value}).retry_after == seconds


def test_retry_after_counts_from_now() -> None:
    seconds = answered(429, headers={"retry-after": formatdate(clock.now_ms() / 1000 + 5, usegmt=True)}).retry_after
    assert seconds == pytest.approx(5, abs=1.1)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ({"error": {"message": "down", "code": 502}}, 502, "down"),
        ({"error": {"message": "down", "code": "502"}}, 502, "down"),
        ({"error": "no model loaded"}, None, "no model loaded"),
        ([{"error": {"code": 400, "message": "bad"}}], 400, "bad"),
        ({"object": "error", "message": "bad", "code": 400}, 400, "bad"),
        ({"code": 20015, "message": "bad", "data": None}, None, "bad"),
        ({"detail": [{"loc": ["body", "input"], "msg": "field required"}]}, None, "field required"),
        ({"code": "InvalidParameter", "message": "bad", "request_id": "1"}, None, "bad"),
    ],
)
def test_an_error_inside_of_a_success_is_one(answer: object, status: int | None, said: str) -> None:
    found = refusal_in(answer)
    assert found is not None
    assert (found.status, found.said) == (status, said)


@pytest.mark.parametrize("answer", [{"data": []}, {"choices": [], "error": None}, {}, [], "text", None, 7])
def test_other_answers_are_no_errors(answer: object) -> None:
    assert refusal_in(answer) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abc****wxyz.", "Incorrect API key provided: […]"),
        ("Invalid token 0123456789abcdef0123456789abcdef.Xy12Xy12Xy12Xy12", "Invalid token […].[…]"),
        ("key AIzaSyD4x0123456789abcdefghijklmnop is invalid", "key […] is invalid"),
        ("Bearer abcdef is wrong", "[…] is wrong"),
        ("the key MYKEYMYKEY is wrong", "the key […] is wrong"),
        ("cannot reach http://me:pass@host/v1", "cannot reach http://[…]@host/v1"),
        (f"input was: {DIARY}", "input was: […]"),
        (f"input was: {DIARY[:30]}", "input was: […]"),
        ("input was: 昨晚我又看见了灯塔", "input was: […]"),
        ("This model does not exist", "This model does not exist"),
        ("model text-embedding-3-small takes 8192 tokens", "model text-embedding-3-small takes 8192 tokens"),
        ("a\x00b\x1b[31m\u2028c\n d", "a b [31m c d"),
        ("x" * 900, "x" * 199 + "…"),
    ],
)
def test_a_reason_is_one_short_line_without_keys_and_texts(said: str, shown: str) -> None:
    found = provider_reasons.shown(said, secrets=["MYKEYMYKEY"], sent=[DIARY, "昨晚我又看见了灯塔，想起了你"])
    assert found == shown
