"""Trying the configured providers, as `aimo check providers` does."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from aimo.ai.chat import ChatModel, Prompt
from aimo.ai.embedder import Embedder
from aimo.ai.multimodal import MultimodalEmbedder
from aimo.ai.ocr import RecognitionOptions, TextRecognizer
from aimo.config import Settings
from aimo.errors import ProviderError
from aimo.runtime.providers import create_embedder, create_providers
from aimo.services.memos.tag_reply_parser import parse_tags
from aimo.vectors.hashes import MultimodalContent

_SECONDS = 60.0
_TEXTS = ("aimo checks its providers", "去巴黎旅行的笔记")
# Longer than many models take; it is cut where it is too long.
_LONG_TEXT = "A week in Paris, with the museums and the markets. " * 400
_ASK = Prompt("You answer in one short sentence.", "Which city is the capital of France?")
_ASK_FOR_TAGS = Prompt(
    "You choose tags (tags) for notes. Answer only with a JSON list of strings.",
    "Note: a week in Paris. Answer only with a JSON list of two tags (tags).",
)
# A white square of 16 by 16.
_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAD0lEQVR42mP4jwYYRrYAAID5/wGR6yAa"
    "AAAAAElFTkSuQmCC"
)


@dataclass(frozen=True)
class ProviderCheck:
    """What became of one try. ``works`` is None for what was not tried; ``details`` say why, or what was learnt."""

    name: str
    provider: str
    works: bool | None
    details: str


async def check_providers(settings: Settings) -> list[ProviderCheck]:
    """Try each configured provider, one after the other; a failure of one is no failure of the others."""
    embedder, others = create_embedder(settings), create_providers(settings)
    openai = f"{settings.openai_base_url}, {settings.openai_model}"
    checks: list[ProviderCheck] = []

    async def try_out(name: str, provider: str, work: Callable[[], Awaitable[str]]) -> None:
        started = time.monotonic()
        try:
            details, works = await work(), True
        except ProviderError as error:
            details, works = str(error), False
        checks.append(ProviderCheck(name, provider, works, f"{details} ({time.monotonic() - started:.1f} s)"))

    try:
        address = "offline" if settings.embedder_kind == "local" else settings.openai_base_url
        where = f"{address}, {embedder.model}, {embedder.dimension} numbers"
        await try_out("embeddings", where, lambda: _embed(embedder))
        if chat := others.chat:
            await try_out("chat", openai, lambda: _complete(chat))
            await try_out("stream", openai, lambda: _stream(chat))
            await try_out("tags", openai, lambda: _tags(chat))
        else:
            checks.append(ProviderCheck("chat", openai, None, "OPENAI_API_KEY is not set"))
        if pictures := others.pictures:
            await try_out("pictures", f"{settings.dashscope_base_url}, {pictures.model}", lambda: _pictures(pictures))
        if ocr := others.ocr:
            await try_out("text recognition", settings.zhipu_ocr_base_url, lambda: _recognize(ocr))
        if others.asr:
            where = f"{settings.fun_asr_base_url}, {settings.fun_asr_model}"
            checks.append(ProviderCheck("speech", where, None, "it wants a recording with a public address"))
    finally:
        await others.close()
        await embedder.close()
    return checks


async def _embed(embedder: Embedder) -> str:
    await embedder.embed(_TEXTS[:1], "query")
    for outcome in await embedder.embed_each([*_TEXTS, _LONG_TEXT], "passage"):
        if isinstance(outcome, ProviderError):
            raise outcome
    return _learnt(embedder) or "queries, several texts and a long one have vectors"


async def _complete(chat: ChatModel) -> str:
    reply = await chat.complete(_ASK, seconds=_SECONDS)
    if not reply.strip():
        raise ProviderError("Chat: the model said nothing")
    return _learnt(chat) or "it answers"


async def _stream(chat: ChatModel) -> str:
    pieces = 0
    async with aclosing(chat.stream(_ASK, seconds=_SECONDS)) as said:
        async for piece in said:
            pieces += bool(piece.strip())
    if not pieces:
        raise ProviderError("Chat: the model said nothing")
    return _learnt(chat) or f"it answers in {pieces} pieces"


async def _tags(chat: ChatModel) -> str:
    tags = parse_tags(await chat.complete(_ASK_FOR_TAGS, seconds=_SECONDS))
    if not tags:
        raise ProviderError("Chat: the model's reply names no tags")
    return f"{len(tags)} tags"


async def _pictures(embedder: MultimodalEmbedder) -> str:
    await embedder.embed([MultimodalContent(text=_TEXTS[0])])
    return "a text has a vector"


async def _recognize(recognizer: TextRecognizer) -> str:
    await recognizer.recognize(_PICTURE, RecognitionOptions())
    return "it read a picture"


def _learnt(model: object) -> str:
    left_out: frozenset[str] = getattr(model, "left_out", frozenset())
    return f"works without {', '.join(sorted(left_out))}, which the provider refuses" if left_out else ""
