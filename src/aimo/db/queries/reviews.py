"""Queries on reviews: profiles, sessions, and the questions of sessions."""

from __future__ import annotations

from typing import NamedTuple


class ReviewProfileRow(NamedTuple):
    """A profile as it is stored: which memos are asked about, and how many at a time.

    ``filter_rules`` is a JSON list of objects, None for none; ``user_model_id`` None stands for the server's model.
    Times are epoch milliseconds.
    """

    profile_id: str
    uid: str
    name: str
    filter_rules: list[object] | None
    question_count: int
    user_model_id: str | None
    created_at: int
    updated_at: int


class ReviewSessionRow(NamedTuple):
    """A review as it is stored. Times are epoch milliseconds, ``completed_at`` None until it is completed."""

    session_id: str
    uid: str
    profile_id: str | None
    scope: str
    scope_value: str | None
    status: str
    score: int | None
    created_at: int
    completed_at: int | None


class ReviewItemRow(NamedTuple):
    """A question of a review as it is stored; ``position`` is its place in it, from 0."""

    item_id: str
    session_id: str
    uid: str
    memo_id: str
    question: str
    user_answer: str | None
    ai_feedback: str | None
    mastery: str | None
    position: int
