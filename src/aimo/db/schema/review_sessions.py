"""Reviews: each asks a user about some of their memos."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment, Sequence
from aimo.db.types import Id, Prose, Word


class ReviewSessions(Model):
    """One review; ``status`` is ``active`` or ``completed``, ``score`` 0 to 100 once it is completed."""

    __tablename__ = "review_sessions"
    __table_args__ = (Index(None, "uid", "created_at", "seq"), Index(None, "profile_id"), TABLE_OPTIONS)

    session_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    profile_id: Mapped[str | None] = mapped_column(
        Id, ForeignKey("review_profiles.profile_id", ondelete="SET NULL"), nullable=True
    )
    scope: Mapped[str] = mapped_column(Word, nullable=False, server_default=text("'all'"))
    scope_value: Mapped[str | None] = mapped_column(Prose)
    status: Mapped[str] = mapped_column(Word, nullable=False, server_default=text("'active'"))
    score: Mapped[int | None] = mapped_column(Integer)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    completed_at: Mapped[OptionalMoment]
