"""The memos picked for a user and day."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id, Json


class DailyRecommendations(Model):
    """One row a user and local day ``YYYY-MM-DD``."""

    __tablename__ = "daily_recommendations"
    __table_args__ = (UniqueConstraint("uid", "date"), TABLE_OPTIONS)

    recommendation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    date: Mapped[str] = mapped_column(String(10), nullable=False)
    memo_ids: Mapped[Any] = mapped_column(Json, nullable=False)
    created_at: Mapped[Moment]
