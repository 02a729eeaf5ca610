"""Reviews as clients see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from aimo import clock
from aimo.db.queries.reviews import ReviewItemRow, ReviewSessionRow, SummaryRow
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.reviews import ReviewItem, ReviewSession, ReviewSummary

V = TypeVar("V")


def session(row: ReviewSessionRow, questions: Sequence[ReviewItemRow], contents: Mapping[str, str]) -> ReviewSession:
    """Return a session with its questions; ``contents`` are the texts of memos by id."""
    return ReviewSession(
        session_id=row.session_id,
        uid=row.uid,
        scope=row.scope,
        scope_value=_or_absent(row.scope_value),
        status=row.status,
        score=_or_absent(row.score),
        items=items(questions, contents),
        created_at=clock.to_iso(row.created_at),
        completed_at=_moment(row.completed_at),
    )


def items(rows: Sequence[ReviewItemRow], contents: Mapping[str, str]) -> list[ReviewItem]:
    """Return questions; ``contents`` are the texts of memos by id."""
    return [
        ReviewItem(
            item_id=row.item_id,
            session_id=row.session_id,
            memo_id=row.memo_id,
            memo_content=contents.get(row.memo_id, UNSET),
            question=row.question,
            user_answer=_or_absent(row.user_answer),
            ai_feedback=_or_absent(row.ai_feedback),
            mastery=_or_absent(row.mastery),
            order=row.position,
        )
        for row in rows
    ]


def summary(row: SummaryRow) -> ReviewSummary:
    """Return a session without its questions."""
    return ReviewSummary(
        session_id=row.session_id,
        scope=row.scope,
        scope_value=_or_absent(row.scope_value),
        score=_or_absent(row.score),
        item_count=row.items,
        created_at=clock.to_iso(row.created_at),
        completed_at=_moment(row.completed_at),
    )


def _or_absent(value: V | None) -> V | UnsetType:
    return UNSET if value is None else value


def _moment(ms: int | None) -> str | UnsetType:
    return UNSET if ms is None else clock.to_iso(ms)
