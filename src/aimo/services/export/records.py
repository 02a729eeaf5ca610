"""What ``memos.json`` holds (docs/export.md#memosjson); times are ISO 8601 in UTC with milliseconds."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

FORMAT: Final = 1

_Json = Annotated[object, Meta(extra_json_schema={"description": "Any JSON."})]


class _Record(Struct, rename="camel", kw_only=True):
    pass


class ExportedName(_Record):
    """A category or a tag."""

    id: str
    name: str
    color: str | None
    created_at: str
    updated_at: str


class ExportedAttachment(_Record):
    """An attachment; its file is at ``path`` unless it was lost before (``missing``)."""

    id: str
    name: Annotated[str, Meta(description="As it was uploaded; the file's own name is made safe.")]
    type: str
    size: int
    path: str
    width: int | None
    height: int | None
    properties: _Json
    created_at: str
    sha256: Annotated[str | None, Meta(description="Of the file, in hexadecimal; null where it is missing.")] = None
    missing: bool = False


class ExportedMemo(_Record):
    """A memo, live or in the trash."""

    id: str
    path: Annotated[str, Meta(description="Its Markdown file.")]
    content: str
    type: str | None
    source: str | None
    category: Annotated[str | None, Meta(description="Name of its category.")]
    tags: Annotated[list[str], Meta(description="Names, in the order of the memo.")]
    attachments: Annotated[list[str], Meta(description="Ids, in the order of the memo.")]
    relations: Annotated[list[str], Meta(description="Ids of the memos that it refers to, in order.")]
    is_public: bool
    created_at: str
    updated_at: str
    deleted_at: Annotated[str | None, Meta(description="When it went to the trash; null for a live one.")]


class ExportedCard(_Record):
    """A spaced-repetition card."""

    id: str
    memo_id: str
    ease_factor: float
    interval_days: int
    repetitions: int
    lapse_count: int
    next_review_at: str
    last_review_at: str | None
    created_at: str


class ExportedRule(_Record):
    """A rule that says which memos take part in spaced repetition."""

    id: str
    mode: str
    filter_type: str
    filter_value: str
    created_at: str


class ExportedProfile(_Record):
    """A profile of reviews."""

    id: str
    name: str
    filter_rules: _Json
    question_count: int
    created_at: str
    updated_at: str


class ExportedReview(_Record):
    """A review."""

    id: str
    profile_id: str | None
    scope: str
    scope_value: str | None
    status: str
    score: int | None
    created_at: str
    completed_at: str | None


class ExportedReviewItem(_Record):
    """A question of a review, on a memo that may be gone."""

    id: str
    review_id: str
    memo_id: str
    position: int
    question: str
    user_answer: str | None
    ai_feedback: str | None
    mastery: str | None


class ExportedConversation(_Record):
    """A conversation with the assistant."""

    id: str
    title: str
    created_at: str
    updated_at: str


class ExportedMessage(_Record):
    """A message of a conversation."""

    id: str
    conversation_id: str
    role: str
    content: str
    sources: _Json
    created_at: str


class ExportedUser(_Record):
    """Whose memos these are."""

    email: str | None
    nickname: str | None


class Document(_Record):
    """The whole of ``memos.json``."""

    format: Annotated[int, Meta(description="1.")]
    user: ExportedUser
    categories: list[ExportedName]
    tags: list[ExportedName]
    attachments: list[ExportedAttachment]
    memos: Annotated[list[ExportedMemo], Meta(description="Live ones by time of creation, then the trash.")]
    cards: list[ExportedCard]
    repetition_rules: list[ExportedRule]
    review_profiles: list[ExportedProfile]
    reviews: list[ExportedReview]
    review_items: list[ExportedReviewItem]
    conversations: list[ExportedConversation]
    messages: list[ExportedMessage]
