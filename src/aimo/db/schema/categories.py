"""Categories of memos."""

from __future__ import annotations

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Key, Prose


class Categories(Model):
    """A category of one user; its name is unique through ``name_key``.

    See docs/decisions/11-names-of-tags-and-categories.md.
    """

    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("uid", "name_key"), TABLE_OPTIONS)

    category_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    name: Mapped[str] = mapped_column(Prose, nullable=False)
    name_key: Mapped[str] = mapped_column(Key, nullable=False)
    color: Mapped[str | None] = mapped_column(Prose)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
