"""When and where a user wants memos pushed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Json, Prose, Word


class PushRules(Model):
    """An hourly push: ``push_time`` is the local hour; channels carry addresses and secrets."""

    __tablename__ = "push_rules"
    __table_args__ = (Index(None, "uid", "seq"), Index(None, "enabled", "push_time", "seq"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    name: Mapped[str] = mapped_column(Prose, nullable=False)
    push_time: Mapped[int] = mapped_column(Integer, nullable=False)
    content_type: Mapped[str] = mapped_column(Word, nullable=False)
    channels: Mapped[Any | None] = mapped_column(Json)
    enabled: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default=text("1"))
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
