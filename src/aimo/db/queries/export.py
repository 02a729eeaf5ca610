"""Queries on everything that a user may take out, read in one go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.queries.live import IN_TRASH, LIVE
from aimo.db.schema import (
    AIConversations,
    AIMessages,
    Attachments,
    Categories,
    MemoRelations,
    Memos,
    ReviewItems,
    ReviewProfiles,
    ReviewSessions,
    SpacedRepetitionCards,
    SpacedRepetitionRules,
    Tags,
)
from aimo.db.statements import owned, param, require_registered
from aimo.db.typed import AnySelect, columns_for

Row = TypeVar("Row", bound=tuple[object, ...])

_BATCH = 500
# Rows of which each may have megabytes.
_LARGE_BATCH = 8


class NamedRow(NamedTuple):
    """A category or a tag; the id comes first. Times are epoch milliseconds, here and below."""

    id: str
    name: str
    color: str | None
    created_at: int
    updated_at: int


class FileRow(NamedTuple):
    """An attachment; ``path`` is its key in the storage."""

    attachment_id: str
    filename: str
    type: str
    size: int
    path: str
    width: int | None
    height: int | None
    properties: object
    created_at: int


class MemoRow(NamedTuple):
    """A memo; ``deleted_at`` is 0 while it is live."""

    memo_id: str
    category_id: str | None
    content: str
    type: str | None
    source: str | None
    attachments: list[str] | None
    tag_ids: list[str] | None
    is_public: bool
    created_at: int
    updated_at: int
    deleted_at: int


class LinkRow(NamedTuple):
    """That one memo refers to another one, at a place of its list."""

    source_memo_id: str
    target_memo_id: str
    position: int


class CardRow(NamedTuple):
    """A spaced-repetition card."""

    card_id: str
    memo_id: str
    ease_factor: float
    interval_days: int
    repetitions: int
    lapse_count: int
    next_review_at: int
    last_review_at: int | None
    created_at: int


class RuleRow(NamedTuple):
    """A rule of spaced repetition."""

    rule_id: str
    mode: str
    filter_type: str
    filter_value: str
    created_at: int


class ConversationRow(NamedTuple):
    """A conversation with the assistant."""

    conversation_id: str
    title: str
    created_at: int
    updated_at: int


class MessageRow(NamedTuple):
    """A message of a conversation."""

    message_id: str
    conversation_id: str
    role: str
    content: str
    sources: object
    created_at: int


class ProfileRow(NamedTuple):
    """A profile of reviews."""

    profile_id: str
    name: str
    filter_rules: object
    question_count: int
    created_at: int
    updated_at: int


class ReviewRow(NamedTuple):
    """A review."""

    session_id: str
    profile_id: str | None
    scope: str
    scope_value: str | None
    status: str
    score: int | None
    created_at: int
    completed_at: int | None


class ReviewItemRow(NamedTuple):
    """A question of a review."""

    item_id: str
    session_id: str
    memo_id: str
    question: str
    user_answer: str | None
    ai_feedback: str | None
    mastery: str | None
    position: int


class Everything(Generic[Row]):
    """All rows of a user that a statement finds, without holding more than a few of them."""

    def __init__(self, statement: AnySelect, row: type[Row], batch: int = _BATCH) -> None:
        require_registered(statement)
        self._statement = statement
        self._row = row
        self._batch = batch

    async def batches(self, connection: AsyncConnection, owner: str) -> AsyncIterator[Sequence[Row]]:
        """Yield the rows, a few at a time."""
        options = {"max_row_buffer": self._batch}
        result = await connection.stream(self._statement, {"owner": owner}, execution_options=options)
        async for rows in result.partitions(self._batch):
            yield [self._row._make(row) for row in rows]  # type: ignore[attr-defined]

    async def all(self, connection: AsyncConnection, owner: str) -> list[Row]:
        """Return all rows; for those of which each is small."""
        return [row async for rows in self.batches(connection, owner) for row in rows]


CATEGORIES = Everything(
    owned(
        "export.categories",
        select(
            Categories.category_id.label("id"),
            Categories.name,
            Categories.color,
            Categories.created_at,
            Categories.updated_at,
        )
        .where(Categories.uid == param("owner"))
        .order_by(Categories.name_key),
    ),
    NamedRow,
)
TAGS = Everything(
    owned(
        "export.tags",
        select(Tags.tag_id.label("id"), Tags.name, Tags.color, Tags.created_at, Tags.updated_at)
        .where(Tags.uid == param("owner"))
        .order_by(Tags.seq),
    ),
    NamedRow,
)
FILES = Everything(
    owned(
        "export.attachments",
        select(*columns_for(FileRow, Attachments))
        .where(Attachments.uid == param("owner"))
        .order_by(Attachments.created_at, Attachments.seq),
    ),
    FileRow,
)
LINKS = Everything(
    owned("export.relations", select(*columns_for(LinkRow, MemoRelations)).where(MemoRelations.uid == param("owner"))),
    LinkRow,
)
LIVE_MEMOS = Everything(
    owned(
        "export.memos",
        select(*columns_for(MemoRow, Memos))
        .where(Memos.uid == param("owner"), LIVE)
        .order_by(Memos.created_at, Memos.seq),
    ),
    MemoRow,
    _LARGE_BATCH,
)
TRASHED_MEMOS = Everything(
    owned(
        "export.trash",
        select(*columns_for(MemoRow, Memos))
        .where(Memos.uid == param("owner"), IN_TRASH)
        .order_by(Memos.deleted_at, Memos.created_at, Memos.seq),
    ),
    MemoRow,
    _LARGE_BATCH,
)
CARDS = Everything(
    owned(
        "export.cards",
        select(*columns_for(CardRow, SpacedRepetitionCards))
        .where(SpacedRepetitionCards.uid == param("owner"))
        .order_by(SpacedRepetitionCards.next_review_at, SpacedRepetitionCards.seq),
    ),
    CardRow,
)
RULES = Everything(
    owned(
        "export.repetition_rules",
        select(*columns_for(RuleRow, SpacedRepetitionRules))
        .where(SpacedRepetitionRules.uid == param("owner"))
        .order_by(SpacedRepetitionRules.seq),
    ),
    RuleRow,
)
CONVERSATIONS = Everything(
    owned(
        "export.conversations",
        select(*columns_for(ConversationRow, AIConversations))
        .where(AIConversations.uid == param("owner"))
        .order_by(AIConversations.updated_at, AIConversations.seq),
    ),
    ConversationRow,
)
MESSAGES = Everything(
    owned(
        "export.messages",
        select(*columns_for(MessageRow, AIMessages))
        .select_from(AIMessages)
        .join(
            AIConversations,
            and_(AIConversations.conversation_id == AIMessages.conversation_id, AIConversations.uid == param("owner")),
        )
        .order_by(AIMessages.created_at, AIMessages.seq),
    ),
    MessageRow,
    _LARGE_BATCH,
)
PROFILES = Everything(
    owned(
        "export.review_profiles",
        select(*columns_for(ProfileRow, ReviewProfiles))
        .where(ReviewProfiles.uid == param("owner"))
        .order_by(ReviewProfiles.created_at, ReviewProfiles.seq),
    ),
    ProfileRow,
)
REVIEWS = Everything(
    owned(
        "export.reviews",
        select(*columns_for(ReviewRow, ReviewSessions))
        .where(ReviewSessions.uid == param("owner"))
        .order_by(ReviewSessions.created_at, ReviewSessions.seq),
    ),
    ReviewRow,
)
REVIEW_ITEMS = Everything(
    owned(
        "export.review_items",
        select(*columns_for(ReviewItemRow, ReviewItems))
        .where(ReviewItems.uid == param("owner"))
        .order_by(ReviewItems.memo_id, ReviewItems.session_id, ReviewItems.position),
    ),
    ReviewItemRow,
    _LARGE_BATCH,
)
