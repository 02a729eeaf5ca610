"""Reviews on the wire: profiles, sessions and their questions (docs/contract/reviews.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class FilterRule(Dto):
    """What a profile draws memos by; all rules of a profile must hold."""

    type: Annotated[str, Meta(description="`category`, `tag`, `recent_days` or `date_range`.")]
    operator: Annotated[str, Meta(description="`include` or `exclude`.")]
    value: Annotated[
        str, Meta(description="An id of a category, an id or name of a tag, a number of days, or `START,END`.")
    ]
    label: Annotated[str | UnsetType | None, Meta(description="What clients show for it.")] = UNSET


class ReviewProfile(Dto):
    """Which memos to ask about, and how many."""

    profile_id: Annotated[str, Meta(description="Id of the profile.")]
    user_id: Annotated[str, Meta(description="Its owner.")]
    name: Annotated[str, Meta(description="Its name.")]
    filter_rules: Annotated[list[FilterRule], Meta(description="Its rules, all of which a memo must meet.")]
    question_count: Annotated[int, Meta(description="Questions a session, 5 to 20.")]
    user_model_id: Annotated[str | None, Meta(description="The user's model that asks; null is the server's.")]
    created_at: Annotated[str, Meta(description="When it was made, ISO 8601 in UTC.")]
    updated_at: Annotated[str, Meta(description="When it was last changed, ISO 8601 in UTC.")]


class ReviewProfileBody(Dto):
    """What a profile is made of or changed by; a change names only what it changes."""

    name: Annotated[str | UnsetType | None, Meta(description="Its name, trimmed, 1 to 255 characters.")] = UNSET
    filter_rules: Annotated[list[FilterRule] | UnsetType | None, Meta(description="Its rules, at most 32.")] = UNSET
    question_count: Annotated[
        int | float | str | UnsetType | None, Meta(description="Questions a session; brought into 5 to 20; default 10.")
    ] = UNSET
    user_model_id: Annotated[
        str | UnsetType | None, Meta(description="One of the user's models; null for the server's.")
    ] = UNSET


class ReviewProfileList(Dto):
    """All profiles of a user."""

    profiles: Annotated[list[ReviewProfile], Meta(description="The profiles, newest first.")]
    generated: Annotated[
        bool | UnsetType,
        Meta(description="False where the server has no chat model: questions and grades are plain. Absent otherwise."),
    ] = UNSET


class Removed(Dto):
    """That something was removed."""

    success: Annotated[bool, Meta(description="Always true.")] = True


class ReviewItem(Dto):
    """A question on a memo, and what became of it."""

    item_id: Annotated[str, Meta(description="Id of the question.")]
    session_id: Annotated[str, Meta(description="Id of its session.")]
    memo_id: Annotated[str, Meta(description="Id of the memo.")]
    question: Annotated[str, Meta(description="What is asked.")]
    order: Annotated[int, Meta(description="Its place in the session, from 0.")]
    memo_content: Annotated[
        str | UnsetType, Meta(description="The memo's present text; absent when the memo is gone or in the trash.")
    ] = UNSET
    user_answer: Annotated[str | UnsetType, Meta(description="What the user answered; absent until then.")] = UNSET
    ai_feedback: Annotated[str | UnsetType, Meta(description="What was said to it; absent until then.")] = UNSET
    mastery: Annotated[
        str | UnsetType, Meta(description="`remembered`, `fuzzy` or `forgot`; absent until it was graded.")
    ] = UNSET


class ReviewSession(Dto):
    """One review with its questions."""

    session_id: Annotated[str, Meta(description="Id of the session.")]
    uid: Annotated[str, Meta(description="Its owner.")]
    scope: Annotated[str, Meta(description="`all`, `category`, `tag` or `recent`; `all` with a profile.")]
    status: Annotated[str, Meta(description="`active` or `completed`.")]
    items: Annotated[list[ReviewItem], Meta(description="The questions in order.")]
    created_at: Annotated[str, Meta(description="When it began, ISO 8601 in UTC.")]
    scope_value: Annotated[str | UnsetType, Meta(description="The category, tag or days; absent without one.")] = UNSET
    score: Annotated[int | UnsetType, Meta(description="0 to 100; absent until it is completed.")] = UNSET
    completed_at: Annotated[
        str | UnsetType, Meta(description="When it was completed, ISO 8601 in UTC; absent until then.")
    ] = UNSET


class ReviewSessionBody(Dto):
    """What to review."""

    profile_id: Annotated[str | None, Meta(description="Id of a profile; wins over the rest.")] = None
    scope: Annotated[str | None, Meta(description="`all` (default), `category`, `tag` or `recent`.")] = None
    scope_value: Annotated[
        int | float | str | None, Meta(description="A category's id, a tag's id or name, or days; all without one.")
    ] = None
    question_count: Annotated[
        int | float | str | None, Meta(description="How many questions; brought into 5 to 20; default 7.")
    ] = None


class ReviewAnswerBody(Dto):
    """An answer to a question."""

    item_id: Annotated[str | None, Meta(description="Id of the question; required.")] = None
    answer: Annotated[str | None, Meta(description="The answer; required, may be empty.")] = None


class ReviewGrade(Dto):
    """What an answer was worth."""

    item_id: Annotated[str, Meta(description="Id of the question.")]
    ai_feedback: Annotated[str, Meta(description="What is said to the answer.")]
    mastery: Annotated[str, Meta(description="`remembered`, `fuzzy` or `forgot`.")]


class ReviewResult(Dto):
    """A completed session."""

    session_id: Annotated[str, Meta(description="Id of the session.")]
    score: Annotated[int, Meta(description="0 to 100: remembered counts 1, fuzzy a half.")]
    items: Annotated[list[ReviewItem], Meta(description="The questions in order.")]


class ReviewSummary(Dto):
    """A session without its questions."""

    session_id: Annotated[str, Meta(description="Id of the session.")]
    scope: Annotated[str, Meta(description="`all`, `category`, `tag` or `recent`.")]
    item_count: Annotated[int, Meta(description="How many questions it has.")]
    created_at: Annotated[str, Meta(description="When it began, ISO 8601 in UTC.")]
    scope_value: Annotated[str | UnsetType, Meta(description="The category, tag or days; absent without one.")] = UNSET
    score: Annotated[int | UnsetType, Meta(description="0 to 100; absent until it is completed.")] = UNSET
    completed_at: Annotated[
        str | UnsetType, Meta(description="When it was completed, ISO 8601 in UTC; absent until then.")
    ] = UNSET


class ReviewHistory(Dto):
    """The latest sessions of a user."""

    items: Annotated[list[ReviewSummary], Meta(description="At most 50, newest first.")]
    total: Annotated[int, Meta(description="How many these are.")]
