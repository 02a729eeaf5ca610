"""Memos."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Json, Prose, Word, false_default


class Memos(Model):
    """A memo; its embedding and folded text live in LanceDB.

    ``attachments`` and ``tag_ids`` keep the ids in the order that the client gave, unknown ones
    included; ``memo_tags`` indexes the tags that exist. ``deleted_at`` is 0 while the memo is live, else when it went
    to the trash, in epoch milliseconds.
    """

    __tablename__ = "memos"
    __table_args__ = (
        Index(None, "uid", "deleted_at", "created_at", "seq"),
        Index(None, "uid", "deleted_at", "updated_at", "seq"),
        # The category first: these serve its foreign key too, and pages of memos without one.
        Index(None, "category_id", "uid", "deleted_at", "created_at", "seq"),
        Index(None, "category_id", "uid", "deleted_at", "updated_at", "seq"),
        Index(None, "uid", "is_public", "deleted_at", "created_at", "seq"),
        Index(None, "uid", "is_public", "deleted_at", "updated_at", "seq"),
        TABLE_OPTIONS,
    )

    memo_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    category_id: Mapped[str | None] = mapped_column(
        Id, ForeignKey("categories.category_id", ondelete="SET NULL"), nullable=True
    )
    content: Mapped[str] = mapped_column(Prose, nullable=False)
    type: Mapped[str | None] = mapped_column(Word, server_default=text("'text'"))
    source: Mapped[str | None] = mapped_column(Prose)
    attachments: Mapped[Any | None] = mapped_column(Json)
    tag_ids: Mapped[Any | None] = mapped_column(Json)
    is_public: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default=false_default)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    deleted_at: Mapped[int] = mapped_column(BigInteger, nullable=False, server_default=text("0"))
