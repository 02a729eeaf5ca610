"""What the dialects of providers are made of: rules that refuse, and forms of answers (`dialects.py`)."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DIMENSION = 16
ANSWER = "Paris is the answer [1]."
TAGS = ["travel", "france"]

Body = dict[str, Any]
Shape = Callable[[str], Any]


@dataclass(frozen=True)
class Reply:
    """What a provider answers."""

    status: int
    body: bytes
    headers: dict[str, str]


Rule = Callable[[Body], Reply | None]


@dataclass(frozen=True)
class Dialect:
    """What one provider does with embeddings and chat.

    ``vector`` and ``content`` turn a vector or the text of a message into what is sent; ``extra`` are other fields of a
    message, such as thoughts. ``before`` and ``after`` are raw events of a stream around the answer; ``breaks_after``
    is how many events there are before the connection ends.
    """

    embedding_rules: tuple[Rule, ...] = ()
    chat_rules: tuple[Rule, ...] = ()
    vector: Callable[[list[float]], Any] = list
    index: Callable[[int], dict[str, Any]] = lambda at: {"index": at}
    content: Callable[[str], Any] = str
    extra: dict[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    finish: str | None = "stop"
    says_done: bool = True
    breaks_after: int | None = None


def vector_of(text: str) -> list[float]:
    """Return a vector that only this text has; every number of it is one that float32 holds."""
    return [(byte - 127.5) / 128 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSION]]


def tokens(text: str) -> int:
    """Return how many tokens a text has for the models here: one for four letters, one for a Chinese character."""
    wide = sum(ord(character) > 0x2E80 for character in text)
    return wide + (len(text) - wide + 3) // 4


def inputs(body: Body) -> list[str]:
    """Return the texts of a request, which may name one without a list."""
    return body["input"] if isinstance(body["input"], list) else [body["input"]]


def reply(status: int, body: Any, headers: dict[str, str] | None = None) -> Reply:
    """Return an answer with a JSON body, or with raw text."""
    raw = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if raw.startswith("<") else "application/json"
    return Reply(status, raw.encode(), {"Content-Type": kind, **(headers or {})})


def openai(message: str, **more: Any) -> Any:
    """The body of an error as OpenAI words it, and most others do."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}


def too_long(most: int, status: int, message: str, shape: Shape = openai) -> Rule:
    """Refuse a call with a text of more than ``most`` tokens; the message may name ``{most}`` and ``{got}``."""

    def rule(body: Body) -> Reply | None:
        got = max(map(tokens, inputs(body)))
        return reply(status, shape(message.format(most=most, got=got))) if got > most else None

    return rule


def too_many(most: int, status: int, message: str, shape: Shape = openai) -> Rule:
    """Refuse a call with more than ``most`` texts."""

    def rule(body: Body) -> Reply | None:
        got = len(inputs(body))
        return reply(status, shape(message.format(most=most, got=got))) if got > most else None

    return rule


def always(status: int, body: Any, headers: dict[str, str] | None = None) -> Rule:
    """Answer every call with this."""
    return lambda _: reply(status, body, headers)


def no_field(name: str, status: int, body: Any) -> Rule:
    """Refuse a call that has this field."""
    return lambda sent: reply(status, body) if name in sent else None


def only_temperature_1(message: str, **more: Any) -> Rule:
    """Refuse every temperature but the default one."""
    return lambda sent: reply(400, openai(message, **more)) if sent.get("temperature", 1) != 1 else None


def no_system(status: int, body: Any) -> Rule:
    """Refuse a system message."""
    return lambda sent: reply(status, body) if sent["messages"][0]["role"] == "system" else None


def streams_only(message: str) -> Rule:
    """Refuse to answer at once."""
    return lambda sent: None if sent.get("stream") else reply(400, openai(message))


def no_streams(message: str, **more: Any) -> Rule:
    """Refuse to stream."""
    return lambda sent: reply(400, openai(message, **more)) if sent.get("stream") else None


def in_base64(vector: list[float]) -> str:
    """Return a vector as base64 of little-endian float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def embed(dialect: Dialect, body: Body) -> Reply:
    """Answer a call of ``/embeddings``."""
    if refused := _refusal(dialect.embedding_rules, body):
        return refused
    data = [
        {"object": "embedding", "embedding": dialect.vector(vector_of(text)), **dialect.index(at)}
        for at, text in enumerate(inputs(body))
    ]
    return reply(200, {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": 1}})


def chat(dialect: Dialect, body: Body) -> Reply:
    """Answer a call of ``/chat/completions``: a list of tags where the prompt speaks of JSON, else a sentence."""
    if refused := _refusal(dialect.chat_rules, body):
        return refused
    prompt = json.dumps(body["messages"], ensure_ascii=False)
    content = dialect.content(json.dumps(TAGS) if "JSON" in prompt else ANSWER)
    if not body.get("stream"):
        message = {"role": "assistant", "content": content, **dialect.extra}
        choice = {"index": 0, "message": message, "finish_reason": dialect.finish}
        return reply(200, {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    text = content if isinstance(content, str) else ""
    pieces: list[Any] = [text[at : at + 3] for at in range(0, len(text), 3)] or [[part] for part in content or ()]
    deltas = [{"role": "assistant", "content": None, **dialect.extra}, *({"content": piece} for piece in pieces)]
    events = [*dialect.before, *(_event(delta, None) for delta in deltas), _event({}, dialect.finish), *dialect.after]
    if dialect.says_done:
        events += ['data: {"id":"1","object":"chat.completion.chunk","choices":[],"usage":{}}', "data: [DONE]"]
    sent = "".join(f"{event}\n\n" for event in events[: dialect.breaks_after])
    return Reply(200, sent.encode(), {"Content-Type": "text/event-stream"})


def _refusal(rules: tuple[Rule, ...], body: Body) -> Reply | None:
    return next((found for rule in rules if (found := rule(body))), None)


def _event(delta: Body, finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return "data: " + json.dumps(chunk, ensure_ascii=False)
