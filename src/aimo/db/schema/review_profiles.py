"""What users want to be asked about again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Json, Prose


class ReviewProfiles(Model):
    """Which memos a review draws from, and how many: ``filter_rules`` are objects, all of which must hold."""

    __tablename__ = "review_profiles"
    __table_args__ = (Index(None, "uid", "created_at", "seq"), TABLE_OPTIONS)

    profile_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    name: Mapped[str] = mapped_column(Prose, nullable=False)
    filter_rules: Mapped[Any | None] = mapped_column(Json)
    question_count: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("10"))
    user_model_id: Mapped[str | None] = mapped_column(Id)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
