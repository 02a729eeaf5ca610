"""Which memo carries which tag."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model
from aimo.db.types import Id


class MemoTags(Model):
    """The index behind ``memos.tag_ids``: one row for each tag of a memo that exists.

    A JSON list cannot be indexed on every supported database; filters and counts need an index.
    """

    __tablename__ = "memo_tags"
    __table_args__ = (
        Index(None, "tag_id", "memo_id"),
        Index(None, "uid", "tag_id"),
        TABLE_OPTIONS,
    )

    memo_id: Mapped[str] = mapped_column(Id, ForeignKey("memos.memo_id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[str] = mapped_column(Id, ForeignKey("tags.tag_id", ondelete="CASCADE"), primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
