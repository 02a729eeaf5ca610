"""References from one memo to another."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id


class MemoRelations(Model):
    """A directed reference; ``position`` keeps the order in which the source names its targets."""

    __tablename__ = "memo_relations"
    __table_args__ = (
        UniqueConstraint("source_memo_id", "target_memo_id"),
        Index(None, "target_memo_id", "seq"),
        Index(None, "uid"),
        TABLE_OPTIONS,
    )

    relation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    source_memo_id: Mapped[str] = mapped_column(Id, ForeignKey("memos.memo_id", ondelete="CASCADE"), nullable=False)
    target_memo_id: Mapped[str] = mapped_column(Id, ForeignKey("memos.memo_id", ondelete="CASCADE"), nullable=False)
    position: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("0"))
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
