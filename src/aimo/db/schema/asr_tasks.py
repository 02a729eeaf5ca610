"""Whose task of speech recognition is whose."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id


class AsrTasks(Model):
    """A task that a user began; nobody else may read about it. It means nothing any more after ``expires_at``.

    ``task_hash`` is the SHA-256 of the provider's id, which may be of any length.
    """

    __tablename__ = "asr_tasks"
    __table_args__ = (TABLE_OPTIONS,)

    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), primary_key=True)
    task_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[Moment]
