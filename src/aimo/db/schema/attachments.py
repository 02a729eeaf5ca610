"""Uploaded files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Json, Prose, Word


class Attachments(Model):
    """What is known of a stored file; its bytes lie in the object store under ``path``."""

    __tablename__ = "attachments"
    __table_args__ = (Index(None, "uid", "created_at", "seq"), Index(None, "uid", "size"), TABLE_OPTIONS)

    attachment_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    filename: Mapped[str] = mapped_column(Prose, nullable=False)
    type: Mapped[str] = mapped_column(Prose, nullable=False)
    size: Mapped[int] = mapped_column(BigInteger, nullable=False)
    storage_type: Mapped[str] = mapped_column(Word, nullable=False)
    path: Mapped[str] = mapped_column(Prose, nullable=False)
    bucket: Mapped[str | None] = mapped_column(Prose)
    prefix: Mapped[str | None] = mapped_column(Prose)
    endpoint: Mapped[str | None] = mapped_column(Prose)
    region: Mapped[str | None] = mapped_column(Prose)
    is_public_bucket: Mapped[str | None] = mapped_column(Word)
    multimodal_model_hash: Mapped[str | None] = mapped_column(Word)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    properties: Mapped[Any | None] = mapped_column(Json)
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
