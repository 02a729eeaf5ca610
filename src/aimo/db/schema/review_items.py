"""Questions of reviews, with what was answered."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model
from aimo.db.types import Id, Prose, Word


class ReviewItems(Model):
    """One question on a memo, which may be gone; ``mastery`` is ``remembered``, ``fuzzy`` or ``forgot``."""

    __tablename__ = "review_items"
    __table_args__ = (Index(None, "session_id", "position"), Index(None, "uid", "memo_id"), TABLE_OPTIONS)

    item_id: Mapped[str] = mapped_column(Id, primary_key=True)
    session_id: Mapped[str] = mapped_column(
        Id, ForeignKey("review_sessions.session_id", ondelete="CASCADE"), nullable=False
    )
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    memo_id: Mapped[str] = mapped_column(Id, nullable=False)
    question: Mapped[str] = mapped_column(Prose, nullable=False)
    user_answer: Mapped[str | None] = mapped_column(Prose)
    ai_feedback: Mapped[str | None] = mapped_column(Prose)
    mastery: Mapped[str | None] = mapped_column(Word)
    position: Mapped[int] = mapped_column(Integer, nullable=False)
