"""Which memos take part in spaced repetition."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Prose, Word


class SpacedRepetitionRules(Model):
    """A rule of a user: ``mode`` is ``include`` or ``exclude``.

    ``filter_type`` is ``category``, ``tag``, ``recent_days`` or ``date_range``, and ``filter_value`` what the user
    gave. ``category_id`` or ``tag_id`` is what that value means, None as long as there is no such category or tag.
    """

    __tablename__ = "spaced_repetition_rules"
    __table_args__ = (Index(None, "uid", "seq"), Index(None, "category_id"), Index(None, "tag_id"), TABLE_OPTIONS)

    rule_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    mode: Mapped[str] = mapped_column(Word, nullable=False)
    filter_type: Mapped[str] = mapped_column(Word, nullable=False)
    filter_value: Mapped[str] = mapped_column(Prose, nullable=False)
    category_id: Mapped[str | None] = mapped_column(
        Id, ForeignKey("categories.category_id", ondelete="CASCADE"), nullable=True
    )
    tag_id: Mapped[str | None] = mapped_column(Id, ForeignKey("tags.tag_id", ondelete="CASCADE"), nullable=True)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
