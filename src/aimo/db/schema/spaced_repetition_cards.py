"""Memos that are reviewed at growing intervals."""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment, Sequence
from aimo.db.types import Id


class SpacedRepetitionCards(Model):
    """The state of a user's SM-2 schedule for one memo; cards that are due together keep the order of their memos."""

    __tablename__ = "spaced_repetition_cards"
    __table_args__ = (
        # The memo first: this serves its foreign key too.
        UniqueConstraint("memo_id", "uid"),
        Index(None, "uid", "next_review_at", "seq"),
        TABLE_OPTIONS,
    )

    card_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    memo_id: Mapped[str] = mapped_column(Id, ForeignKey("memos.memo_id", ondelete="CASCADE"), nullable=False)
    ease_factor: Mapped[float] = mapped_column(Double, nullable=False, server_default=text("2.5"))
    interval_days: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("1"))
    repetitions: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("0"))
    lapse_count: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("0"))
    next_review_at: Mapped[Moment]
    last_review_at: Mapped[OptionalMoment]
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
