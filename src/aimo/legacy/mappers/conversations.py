"""Conversations with the assistant, and their messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from aimo.db.queries.migration import table_of
from aimo.db.schema import AIConversations, AIMessages
from aimo.legacy.mappers.mapper import Mapped, Mapper, column_of
from aimo.legacy.mappers.row_fields import RowFields
from aimo.legacy.row_outcomes import Change, QuarantineReason, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import SourceRow


class ConversationMapper(Mapper):
    """Conversations."""

    source = "ai_conversations"
    table = table_of(AIConversations)
    key = "conversationId"
    expendable: ClassVar = {"title": ""}
    hashed = (
        (
            "conversation_id",
            "uid",
            "title",
            "created_at",
            "updated_at",
        ),
    )
    kinds: ClassVar = {
        "conversationId": Kind.TEXT,
        "uid": Kind.TEXT,
        "title": Kind.TEXT,
        "createdAt": Kind.MOMENT,
        "updatedAt": Kind.MOMENT,
    }

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the conversation."""
        values = {
            "conversation_id": fields.id("conversationId"),
            "uid": fields.owner(self.lookups),
            "title": fields.text("title", "title"),
            "created_at": fields.moment("createdAt", "created_at", "updatedAt"),
            "updated_at": fields.moment("updatedAt", "updated_at", "createdAt"),
        }
        return Mapped(values, fields.notes)


class MessageMapper(Mapper):
    """Messages. In their sources, what the old server wrote for nothing (``""`` and NaN) becomes nothing."""

    source = "ai_messages"
    table = table_of(AIMessages)
    key = "messageId"
    expendable: ClassVar = {"sources": None}
    hashed = (
        (
            "message_id",
            "conversation_id",
            "role",
            "content",
            "sources",
            "created_at",
        ),
    )
    kinds: ClassVar = {
        "messageId": Kind.TEXT,
        "conversationId": Kind.TEXT,
        "role": Kind.TEXT,
        "content": Kind.TEXT,
        "sources": Kind.SOURCES,
        "createdAt": Kind.MOMENT,
    }

    async def look_up(self, rows: Sequence[SourceRow]) -> None:
        """Look up the conversations."""
        await self.lookups.load_conversations(column_of(rows, "conversationId"))

    def build(self, row: SourceRow, fields: RowFields) -> Mapped:
        """Return the message, when its conversation is there."""
        conversation_id = fields.raw("conversationId")
        if not self.lookups.conversations.get(conversation_id):
            raise RowQuarantined(QuarantineReason.TARGET_MISSING, f"there is no conversation {conversation_id!r}")
        values = {
            "message_id": fields.id("messageId"),
            "conversation_id": conversation_id,
            "role": fields.word("role", "role"),
            "content": fields.text("content", "content"),
            "sources": _sources(fields),
            "created_at": fields.moment("createdAt", "created_at"),
        }
        return Mapped(values, fields.notes)


def _sources(fields: RowFields) -> list[dict[str, object]] | None:
    given = fields.raw("sources")
    if given is None:
        return None
    kept = [{name: value for name, value in (item or {}).items() if _says_something(value)} for item in given]
    before = [{name: value for name, value in (item or {}).items() if value is not None} for item in given]
    if kept != before or None in given:
        fields.note("sources", Change.EMPTY_SOURCES, given, kept)
    return kept


def _says_something(value: object) -> bool:
    return value not in (None, "") and not (isinstance(value, float) and not math.isfinite(value))
