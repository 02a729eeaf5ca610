"""Answering a question from one's memos, at once or piece by piece (docs/contract/explore.md#ask)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from aimo.ai.chat import ChatModel, Prompt
from aimo.ai.json_replies import without_fences
from aimo.db.connection import Database
from aimo.dto.base import UNSET
from aimo.dto.explore import AnswerSource, Exploration, Sources, StreamError, Token
from aimo.errors import ProviderError
from aimo.inert_text import inert, inert_pieces
from aimo.services.accounts.provider_allowances import Allowances
from aimo.services.explore import prompts
from aimo.services.explore.related_context import insights, load_related_context, unnumbered_lines
from aimo.services.explore.retriever import Passage, RetrievalError, Retriever
from aimo.services.models.chat_models import ChatModels
from aimo.services.search import hybrid_ranking as fusion
from aimo.services.search.snippets import snippet
from aimo.services.utf16_text import beginning, cut

log = structlog.get_logger(__name__)

NOTHING_FOUND = "I could not find any relevant notes in your knowledge base to answer this question."
NOT_SEARCHED = "The search in your notes failed, so this question could not be answered. Please try again later."
NOTHING_TO_ANALYSE = "No relevant memos found for this query."
NOT_ANALYSED = "Analysis could not be completed due to an error."
NOT_ANSWERED = "An error occurred while generating the response."
EMPTY_ANSWER = "Unable to generate a response."

# Clients give up after 30 s (docs/contract/explore.md#ask). Retrieval takes at most 8 of these.
_ALL_SECONDS = 25.0
_PREPARING_SECONDS = 7.0
_FOLLOW_UP_SECONDS = 5.0
_LEAST_SECONDS = 1.0
_SILENCE_SECONDS = 30.0
_LONGEST_ANSWER = 100_000
_HAN = re.compile("[\u3400-\u9fff]")

Event = Sources | Token | Exploration | StreamError


@dataclass(frozen=True)
class _PreparedAnswer:
    """Everything that is known before the answer is asked for."""

    question: str
    sources: list[AnswerSource]
    analysis: str
    prompt: Prompt


@dataclass(frozen=True)
class _Question:
    """What is asked, by whom, and after which conversation."""

    uid: str
    text: str
    context: str


class ExploreService:
    """Answers questions. What a model says is shown as text and decides nothing: sources come from the search."""

    def __init__(self, database: Database, retriever: Retriever, models: ChatModels, allowances: Allowances) -> None:
        self._database = database
        self._retriever = retriever
        self._models = models
        self._allowances = allowances

    async def begin(self, uid: str, model_id: str | None) -> ChatModel | None:
        """Count a question that is about to be answered, and return the model that will answer it.

        Raises:
            AimoError: NOT_FOUND when the user has no model of this id, SYSTEM_ERROR when its key cannot be read.
            RateLimitExceeded: the user asked too many.
        """
        chosen = await self._models.choose(uid, model_id)
        await self._allowances.of(chosen).spend(uid)
        return chosen.chat

    async def answer(self, uid: str, question: str, context: str, chat: ChatModel | None) -> Exploration:
        """Return the whole answer; failures of the model are described in it, never raised.

        Without a ``chat`` model it consists of the best passages and says so.
        """
        deadline = time.monotonic() + _ALL_SECONDS
        try:
            passages = await self._retriever.find(uid, question)
        except RetrievalError:
            return Exploration(answer=NOT_SEARCHED, sources=[])
        if not passages or chat is None:
            return _without_model(question, passages)
        left = deadline - time.monotonic()
        asked = _Question(uid, question, context)
        prepared = await self._prepare(chat, asked, passages, min(_PREPARING_SECONDS, left / 2))
        try:
            seconds = deadline - time.monotonic() - _LEAST_SECONDS
            reply = await chat.complete(prepared.prompt, seconds=seconds)
        except ProviderError as error:
            log.warning("answer generation failed", reason=str(error))
            return _failed(prepared)
        return await self._finish_answer(chat, prepared, inert(cut(reply, _LONGEST_ANSWER)), deadline)

    async def stream(self, uid: str, question: str, context: str, chat: ChatModel | None) -> AsyncIterator[Event]:
        """Yield the sources, the answer's pieces, then the whole; or an error. Closing it ends the generation."""
        try:
            passages = await self._retriever.find(uid, question)
        except RetrievalError:
            yield StreamError(message=NOT_SEARCHED)
            return
        yield Sources(sources=_sources(passages))
        if not passages or chat is None:
            whole = _without_model(question, passages)
            yield Token(text=whole.answer)
            yield whole
            return
        asked = _Question(uid, question, context)
        prepared = await self._prepare(chat, asked, passages, _PREPARING_SECONDS)
        pieces: list[str] = []
        try:
            spoken = chat.stream(prepared.prompt, seconds=_SILENCE_SECONDS)
            async with aclosing(inert_pieces(spoken, most=_LONGEST_ANSWER)) as said:
                async for piece in said:
                    pieces.append(piece)
                    yield Token(text=piece)
        except ProviderError as error:
            log.warning("streamed answer aborted", reason=str(error))
            yield StreamError(message=NOT_ANSWERED)
            return
        yield await self._finish_answer(chat, prepared, "".join(pieces), time.monotonic() + _FOLLOW_UP_SECONDS)

    async def _prepare(
        self, chat: ChatModel, asked: _Question, passages: Sequence[Passage], seconds: float
    ) -> _PreparedAnswer:
        """Analyse the passages and what surrounds them; what fails is left out."""
        context = await load_related_context(self._database, asked.uid, passages)
        related, files = context.related, context.files
        analysis, links, about_files = await asyncio.gather(
            _ask(chat, prompts.analysis(asked.text, passages), seconds),
            _ask(chat, prompts.relations(asked.text, passages, related) if related else None, seconds),
            _ask(chat, prompts.attachments(asked.text, passages, files) if files else None, seconds),
        )
        linked = f"{context.text}\n\n{links.strip()}".strip() if links else context.text
        analysis_text = NOT_ANALYSED if analysis is None else analysis
        prompt = prompts.answer(
            asked.text,
            asked.context,
            passages,
            analysis_text=analysis_text,
            relation_text=linked if related else "",
            hints=context.hints(insights(about_files or "")),
            file_count=len(files),
        )
        return _PreparedAnswer(asked.text, _sources(passages), inert(analysis_text), prompt)

    async def _finish_answer(
        self, chat: ChatModel, prepared: _PreparedAnswer, answer: str, deadline: float
    ) -> Exploration:
        left = min(_FOLLOW_UP_SECONDS, deadline - time.monotonic())
        prompt = prompts.follow_ups(prepared.question, answer) if answer.strip() and left > 0 else None
        reply = await _ask(chat, prompt, left)
        return Exploration(
            answer=answer if answer.strip() else EMPTY_ANSWER,
            sources=prepared.sources,
            related_topics=_topics(prepared),
            suggested_questions=[cut(inert(line), 500) for line in unnumbered_lines(reply or "")[:3]],
        )


async def _ask(chat: ChatModel, prompt: Prompt | None, seconds: float) -> str | None:
    """Return the model's reply; None without a prompt and when it fails."""
    if prompt is None:
        return None
    try:
        return await chat.complete(prompt, seconds=seconds)
    except ProviderError as error:
        log.warning("answer step failed", reason=str(error))
        return None


def _sources(passages: Sequence[Passage]) -> list[AnswerSource]:
    return [
        AnswerSource(
            memo_id=passage.row.memo_id,
            content=beginning(passage.row.content, 200),
            relevance_score=passage.similarity,
            created_at=passage.row.created_at,
        )
        for passage in passages
    ]


def _topics(prepared: _PreparedAnswer) -> list[str]:
    analysis = prepared.analysis
    excerpt = cut(without_fences(analysis).strip() if analysis.lstrip().startswith("```") else analysis, 100)
    return [excerpt] if excerpt else []


def _failed(prepared: _PreparedAnswer) -> Exploration:
    return Exploration(answer=NOT_ANSWERED, sources=[], related_topics=_topics(prepared))


def _without_model(question: str, passages: Sequence[Passage]) -> Exploration:
    """Return what can be said without asking a model: that nothing was found, or the best passages themselves."""
    if not passages:
        return Exploration(
            answer=NOTHING_FOUND, sources=[], related_topics=[NOTHING_TO_ANALYSE], suggested_questions=[]
        )
    terms = fusion.query_terms(question)
    found = [f"[{number}] {_format_passage(passage, terms)}" for number, passage in enumerate(passages, 1)]
    chinese = _HAN.search(question) is not None
    intro = "没有配置对话模型，以下是笔记中最相关的内容：" if chinese else _PASSAGES_INTRO
    return Exploration(
        answer=inert("\n\n".join([intro, *found])),
        sources=_sources(passages),
        related_topics=UNSET,
        suggested_questions=[],
        generated=False,
    )


_PASSAGES_INTRO = "No chat model is configured. These are the most relevant passages of your notes:"


def _format_passage(passage: Passage, terms: Sequence[str]) -> str:
    return " ".join(snippet(passage.row.content, terms).text.split())
