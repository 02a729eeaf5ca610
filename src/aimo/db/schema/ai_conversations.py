"""Conversations with the assistant."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Prose


class AIConversations(Model):
    """One conversation of a user."""

    __tablename__ = "ai_conversations"
    __table_args__ = (Index(None, "uid", "updated_at", "seq"), TABLE_OPTIONS)

    conversation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    title: Mapped[str] = mapped_column(Prose, nullable=False)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
