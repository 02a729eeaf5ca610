"""Tags of memos."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Key, Prose


class Tags(Model):
    """A tag of one user; ``usage_count`` is the number of memos that carry it."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("uid", "name_key"), Index(None, "uid", "seq"), TABLE_OPTIONS)

    tag_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    name: Mapped[str] = mapped_column(Prose, nullable=False)
    name_key: Mapped[str] = mapped_column(Key, nullable=False)
    color: Mapped[str | None] = mapped_column(Prose)
    usage_count: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("0"))
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
