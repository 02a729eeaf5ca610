"""Reviews: questions on a user's own memos, what was answered, and what it was worth (docs/contract/reviews.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.ai.chat import ChatModel
from aimo.db.connection import Database
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import review_draws as draw_queries
from aimo.db.queries import reviews as review_queries
from aimo.db.queries.reviews import ReviewItemRow, ReviewProfileRow, ReviewSessionRow
from aimo.db.transaction import atomically
from aimo.dto.reviews import (
    ReviewAnswerBody,
    ReviewGrade,
    ReviewHistory,
    ReviewResult,
    ReviewSession,
    ReviewSessionBody,
)
from aimo.errors import AimoError, Code, ProviderError
from aimo.services.accounts.provider_allowances import Allowances
from aimo.services.embedding.service import EmbeddingService
from aimo.services.memos.lists import page_by_ids
from aimo.services.memos.name_keys import require_length
from aimo.services.models.chat_models import ChatModels, ChosenModel
from aimo.services.reviews import grading, presenter
from aimo.services.reviews.candidates import find_candidates
from aimo.services.reviews.grading import Grade
from aimo.services.reviews.profiles import question_count
from aimo.services.reviews.questions import ask_questions
from aimo.services.reviews.rules import Rule, effective_rules, known_rule

log = structlog.get_logger(__name__)

MOST_SHOWN: Final = 50
LONGEST_ANSWER: Final = 10_000
_LONGEST_SCOPE_VALUE: Final = 255
_DEFAULT_QUESTIONS: Final = 7
_SCOPES: Final = {"all": "", "category": "category", "tag": "tag", "recent": "recent_days"}
_NOTHING: Final = "No memos available for review in the selected scope"
_NOT_GRADED: Final = "The answer was saved, but the model could not grade it. Please try again later."


class ReviewService:
    """Makes sessions, grades answers, and shows what there was."""

    def __init__(
        self,
        database: Database,
        models: ChatModels,
        embeddings: EmbeddingService,
        allowances: Allowances,
        zone: ZoneInfo,
    ) -> None:
        """``zone`` decides what a day is. Without a chat model, questions are plain and words are compared."""
        self._database = database
        self._models = models
        self._embeddings = embeddings
        self._allowances = allowances
        self._zone = zone

    async def create(self, uid: str, body: ReviewSessionBody) -> ReviewSession:
        """Draw memos and store a question on each.

        Raises:
            AimoError: PARAMS_ERROR for an unusable body, NOT_FOUND for an unknown profile or a model that is gone,
                SYSTEM_ERROR where there is nothing to ask about; nothing is stored then.
            RateLimitExceeded: the user had too many questions asked and answers graded.
        """
        profile = await self._profile(uid, body.profile_id) if body.profile_id else None
        scope, scope_value = ("all", None) if profile else _scope(body)
        rules = effective_rules(profile.filter_rules) if profile else _rules_of_scope(scope, scope_value)
        count = question_count(profile.question_count if profile else body.question_count, _DEFAULT_QUESTIONS)
        model = await self._choose(uid, profile)
        async with self._database.reads() as connection:
            candidates = await find_candidates(connection, uid, rules, self._zone)
            drawn = await candidates.draw(connection, uid, count)
            contents = await draw_queries.material(connection, owner=uid, memo_ids=drawn) if drawn else {}
        chosen = [memo_id for memo_id in drawn if memo_id in contents]
        if not chosen:
            raise AimoError(Code.SYSTEM_ERROR, _NOTHING)
        await self._spend(uid, model, len(chosen))
        questions = await ask_questions(model.chat, [contents[memo_id] for memo_id in chosen])
        session = ReviewSessionRow(
            session_id=ids.review_session_id(),
            uid=uid,
            profile_id=profile.profile_id if profile else None,
            scope=scope,
            scope_value=scope_value,
            status="active",
            score=None,
            created_at=clock.now_ms(),
            completed_at=None,
        )
        items = [
            ReviewItemRow(ids.review_item_id(), session.session_id, uid, memo_id, question, None, None, None, position)
            for position, (memo_id, question) in enumerate(zip(chosen, questions, strict=True))
        ]
        return await self._store(session, items)

    async def get(self, uid: str, session_id: str) -> ReviewSession:
        """Return a session with its questions; NOT_FOUND when the user has none of that id."""
        session, items = await self._load(uid, session_id)
        return presenter.session(session, items, await self._contents(uid, items))

    async def history(self, uid: str) -> ReviewHistory:
        """Return the user's latest sessions, newest first, at most 50."""
        async with self._database.reads() as connection:
            rows = await review_queries.history(connection, owner=uid, limit=MOST_SHOWN)
        return ReviewHistory(items=[presenter.summary(row) for row in rows], total=len(rows))

    async def complete(self, uid: str, session_id: str) -> ReviewResult:
        """Store the score of a session as it is now; NOT_FOUND when the user has none of that id."""
        if not ids.is_possible(session_id):
            raise AimoError(Code.NOT_FOUND)

        async def work(connection: AsyncConnection) -> int:
            if await review_queries.session_for_update(connection, owner=uid, session_id=session_id) is None:
                raise AimoError(Code.NOT_FOUND)
            return await _store_score(connection, uid, session_id, clock.now_ms())

        score = await atomically(self._database, "reviews.complete", work, user=uid, entity=session_id)
        _, items = await self._load(uid, session_id)
        shown = presenter.items(items, await self._contents(uid, items))
        return ReviewResult(session_id=session_id, score=score, items=shown)

    async def answer(self, uid: str, session_id: str, body: ReviewAnswerBody) -> ReviewGrade:
        """Store and grade an answer, also once more and after the session was completed, whose score then follows.

        Raises:
            AimoError: PARAMS_ERROR for an unusable body, NOT_FOUND for an unknown session, question or memo,
                EXTERNAL_SERVICE_ERROR where the model failed: the answer is stored without a grade then.
            RateLimitExceeded: the user had too many questions asked and answers graded; nothing is stored.
        """
        if not body.item_id:
            raise AimoError(Code.PARAMS_ERROR, "Item id is required")
        if body.answer is None:
            raise AimoError(Code.PARAMS_ERROR, "Answer is required")
        answer = require_length(body.answer, "Answer", LONGEST_ANSWER)
        item, content, profile = await self._question(uid, session_id, body.item_id)
        if grading.gave_up(answer):
            grade = grading.plain_grade("forgot", content)
        else:
            try:
                model = await self._choose(uid, profile)
            except AimoError:
                await self._store_answer(item, answer, None)
                raise
            await self._spend(uid, model, 1)
            await self._store_answer(item, answer, None)
            grade = await self._grade(model.chat, item.question, answer, content)
        await self._store_answer(item, answer, grade)
        return ReviewGrade(item_id=item.item_id, ai_feedback=grade.feedback, mastery=grade.mastery)

    async def _choose(self, uid: str, profile: ReviewProfileRow | None) -> ChosenModel:
        return await self._models.choose(uid, profile.user_model_id if profile else None)

    async def _spend(self, uid: str, model: ChosenModel, calls: int) -> None:
        if model.chat is not None:
            await self._allowances.of(model).spend(uid, calls)

    async def _grade(self, chat: ChatModel | None, question: str, answer: str, content: str) -> Grade:
        if chat is None:
            return await grading.grade_plainly(self._embeddings, question, answer, content)
        try:
            return await grading.grade_by_model(chat, question, answer, content)
        except ProviderError as error:
            log.warning("an answer was not graded", reason=str(error))
            raise AimoError(Code.EXTERNAL_SERVICE_ERROR, _NOT_GRADED) from error

    async def _profile(self, uid: str, profile_id: str) -> ReviewProfileRow:
        row = None
        if ids.is_possible(profile_id):
            async with self._database.reads() as connection:
                row = await review_queries.profile(connection, owner=uid, profile_id=profile_id)
        if row is None:
            raise AimoError(Code.NOT_FOUND, "Review profile not found")
        return row

    async def _question(
        self, uid: str, session_id: str, item_id: str
    ) -> tuple[ReviewItemRow, str, ReviewProfileRow | None]:
        """Return a question, the text of its memo, and the profile of its session."""
        session = item = memo = profile = None
        async with self._database.reads() as connection:
            if ids.is_possible(session_id):
                session = await review_queries.session(connection, owner=uid, session_id=session_id)
            if session is None:
                raise AimoError(Code.NOT_FOUND, "Session not found")
            if ids.is_possible(item_id):
                item = await review_queries.item(connection, owner=uid, session_id=session_id, item_id=item_id)
            if item is None:
                raise AimoError(Code.NOT_FOUND, "Item not found")
            memo = await memo_queries.get(connection, owner=uid, memo_id=item.memo_id)
            if memo is None:
                raise AimoError(Code.NOT_FOUND, "Memo not found")
            if session.profile_id:
                profile = await review_queries.profile(connection, owner=uid, profile_id=session.profile_id)
        return item, memo.content, profile

    async def _load(self, uid: str, session_id: str) -> tuple[ReviewSessionRow, list[ReviewItemRow]]:
        if not ids.is_possible(session_id):
            raise AimoError(Code.NOT_FOUND)
        async with self._database.reads() as connection:
            session = await review_queries.session(connection, owner=uid, session_id=session_id)
            if session is None:
                raise AimoError(Code.NOT_FOUND)
            return session, await review_queries.items(connection, owner=uid, session_id=session_id)

    async def _contents(self, uid: str, items: Sequence[ReviewItemRow]) -> dict[str, str]:
        """Return the texts of the memos that are there and not in the trash, by id."""
        async with self._database.reads() as connection:
            rows, _ = await page_by_ids(connection, uid, list(dict.fromkeys(item.memo_id for item in items)))
        return {row.memo_id: row.content for row in rows}

    async def _store(self, session: ReviewSessionRow, items: Sequence[ReviewItemRow]) -> ReviewSession:
        async def work(connection: AsyncConnection) -> None:
            row = session
            if row.profile_id:
                # It may have been removed while the model was asked.
                known = await review_queries.profile_for_update(connection, owner=row.uid, profile_id=row.profile_id)
                row = row if known else row._replace(profile_id=None)
            await review_queries.create_session(connection, row, items, seq=clock.next_sequence())

        await atomically(self._database, "reviews.create_session", work, user=session.uid)
        return presenter.session(session, items, await self._contents(session.uid, items))

    async def _store_answer(self, item: ReviewItemRow, answer: str, grade: Grade | None) -> None:
        """Store an answer, with its grade where there is one; the score of a completed session follows."""

        async def work(connection: AsyncConnection) -> None:
            session = await review_queries.session_for_update(connection, owner=item.uid, session_id=item.session_id)
            await review_queries.set_answer(
                connection,
                item,
                answer=answer,
                feedback=grade.feedback if grade else None,
                mastery=grade.mastery if grade else None,
            )
            if session and session.status == "completed":
                await _store_score(connection, item.uid, item.session_id, session.completed_at)

        await atomically(self._database, "reviews.answer", work, user=item.uid, entity=item.item_id)


def score_of(masteries: Sequence[str | None]) -> int:
    """Return 0 to 100, rounded half up: remembered counts 1, fuzzy a half, forgot and unanswered nothing."""
    halves = sum({"remembered": 2, "fuzzy": 1}.get(mastery or "", 0) for mastery in masteries)
    return (100 * halves + len(masteries)) // (2 * len(masteries)) if masteries else 0


async def _store_score(connection: AsyncConnection, uid: str, session_id: str, completed_at: int | None) -> int:
    score = score_of(await review_queries.masteries(connection, owner=uid, session_id=session_id))
    await review_queries.set_result(
        connection, owner=uid, session_id=session_id, score=score, completed_at=completed_at
    )
    return score


def _scope(body: ReviewSessionBody) -> tuple[str, str | None]:
    scope = body.scope or "all"
    if scope not in _SCOPES:
        raise AimoError(Code.PARAMS_ERROR, f"Scope must be one of {', '.join(_SCOPES)}")
    value = "" if body.scope_value is None else str(body.scope_value)
    return scope, require_length(value, "Scope value", _LONGEST_SCOPE_VALUE) or None


def _rules_of_scope(scope: str, value: str | None) -> Sequence[Rule]:
    kind = _SCOPES[scope]
    return [known_rule(kind, "include", value)] if kind and value else []
