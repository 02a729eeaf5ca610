"""Messages of conversations with the assistant."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Json, Prose, Word


class AIMessages(Model):
    """One message; it belongs to the owner of its conversation."""

    __tablename__ = "ai_messages"
    __table_args__ = (Index(None, "conversation_id", "created_at", "seq"), TABLE_OPTIONS)

    message_id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        Id, ForeignKey("ai_conversations.conversation_id", ondelete="CASCADE"), nullable=False
    )
    role: Mapped[str] = mapped_column(Word, nullable=False)
    content: Mapped[str] = mapped_column(Prose, nullable=False)
    sources: Mapped[Any | None] = mapped_column(Json)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
