"""What users are told inside the application."""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Prose, Word, false_default


class InAppNotifications(Model):
    """A notification of a user; ``memo_id`` is the memo that it quotes, with which it goes, None without one."""

    __tablename__ = "in_app_notifications"
    __table_args__ = (Index(None, "uid", "created_at", "seq"), Index(None, "memo_id"), TABLE_OPTIONS)

    notification_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    type: Mapped[str] = mapped_column(Word, nullable=False)
    title: Mapped[str] = mapped_column(Prose, nullable=False)
    body: Mapped[str] = mapped_column(Prose, nullable=False)
    memo_id: Mapped[str | None] = mapped_column(Id, ForeignKey("memos.memo_id", ondelete="CASCADE"), nullable=True)
    is_read: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default=false_default)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
