"""Reading what chat providers answer with: whole completions, and the events of streams."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from aimo.ai.embedder import well_formed
from aimo.ai.openai_errors import Refusal, refusal_in
from aimo.errors import ProviderError

_TASK = "Chat"
_MOST_LINE = 4 * 1024 * 1024
# Parts of a message that are not said to the user.
_SILENT_PARTS = re.compile(r"(redacted_)?(think|thought|reason|analysis|summary_text|tool)", re.IGNORECASE)
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking")
_CUT = frozenset({"length", "max_tokens"})
# Reasons to end that leave an answer unfinished, by the words that they are made of.
_BROKEN = re.compile(r"error|abort|insufficient|timeout|cancel|interrupt|fail|overload")
_FILTERED = frozenset({"content_filter", "sensitive", "safety", "recitation", "prohibited_content"})


class RefusedInside(Exception):
    """An answer with HTTP 200, or an event of a stream, turned out to be an error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer, or the whole of it; thoughts may still be in the text, as between tags."""

    text: str
    finish: str = ""
    declined: str = ""
    thinks_apart: bool = False
    """Whether thoughts came in a field of their own."""

    @property
    def is_cut(self) -> bool:
        """Whether the answer ended because of its length."""
        return self.finish in _CUT

    def require_said(self, said: str) -> None:
        """Raise ProviderError where nothing was said and the provider or the model would not say anything."""
        if said.strip():
            return
        if self.declined:
            raise ProviderError(f"{_TASK}: the model declined: {self.declined[:200]}", retryable=False, answered=True)
        if self.finish in _FILTERED:
            raise ProviderError(f"{_TASK}: the provider's filter withheld the answer", retryable=False, answered=True)


def read_answer(answer: object) -> Piece:
    """Return a whole completion; an empty text where the model said nothing.

    Raises:
        TypeError: it is no completion at all.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list):
        raise TypeError("not a chat completion")
    return _choice(choices, "message")


async def read_events(blocks: AsyncIterator[bytes]) -> AsyncGenerator[Piece, None]:
    """Yield the pieces of a stream as they come. Comments, and events without choices, are skipped.

    Raises:
        ProviderError: the stream broke off, or is none.
        RefusedInside: the provider sent an error instead of the next piece.
    """
    is_finished = False
    async for data in _data_lines(blocks):
        if data == b"[DONE]":
            return
        if not data:
            continue
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise ProviderError(f"{_TASK}: an event of the stream is not JSON", answered=True) from None
        if refusal := refusal_in(event) if _is_error(event) else None:
            raise RefusedInside(refusal)
        choices = event.get("choices") if isinstance(event, dict) else None
        if isinstance(choices, list) and choices:
            piece = _choice(choices, "delta")
            if _BROKEN.search(piece.finish):
                is_finished = False
                break
            is_finished = is_finished or bool(piece.finish)
            yield piece
    if not is_finished:
        raise ProviderError(f"{_TASK}: the stream broke off", answered=True)


def _is_error(event: object) -> bool:
    if not isinstance(event, dict):
        return False
    bare = "choices" not in event and bool(event.get("message")) and "code" in event
    return bare or bool(event.get("error")) or event.get("object") == "error"


async def _data_lines(blocks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the data of server-sent events, one line each. Only line feeds end a line: texts may hold other ends."""
    rest = b""
    async for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
        if len(rest) > _MOST_LINE:
            raise ProviderError(f"{_TASK}: an event of the stream is longer than {_MOST_LINE} bytes", answered=True)
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _choice(choices: list[object], field: str) -> Piece:
    choice = choices[0] if choices else None
    if not isinstance(choice, dict):
        return Piece("")
    message = choice.get(field) or choice.get("message") or choice.get("delta")
    fields = message if isinstance(message, dict) else {"content": choice.get("text")}
    finish, declined = choice.get("finish_reason"), fields.get("refusal")
    return Piece(
        well_formed(_text(fields.get("content"))),
        finish.lower() if isinstance(finish, str) else "",
        declined if isinstance(declined, str) else "",
        any(isinstance(fields.get(name), str) and fields[name] for name in _THOUGHT_FIELDS),
    )


def _text(content: object) -> str:
    """Return the text of a message's content, which may be a list of parts; thoughts are no part of it."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(map(_text, content))
    if isinstance(content, dict) and not _SILENT_PARTS.match(str(content.get("type"))) and not content.get("thought"):
        text = content.get("text")
        return _text(text.get("value") if isinstance(text, dict) else text)
    return ""
