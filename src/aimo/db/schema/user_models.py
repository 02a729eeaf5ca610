"""Chat models that users bring: an address, the name of a model, and a key of their own."""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, Sequence
from aimo.db.types import Id, Prose, Word


class UserModels(Model):
    """One model of a user; ``api_key`` is encrypted, ``api_base_url`` NULL where the provider's own is meant."""

    __tablename__ = "user_models"
    __table_args__ = (Index(None, "uid", "seq"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    name: Mapped[str] = mapped_column(Word, nullable=False)
    provider: Mapped[str] = mapped_column(Word, nullable=False)
    api_base_url: Mapped[str | None] = mapped_column(Prose)
    api_key: Mapped[str] = mapped_column(Prose, nullable=False)
    model_name: Mapped[str] = mapped_column(Word, nullable=False)
    is_default: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default=text("0"))
    seq: Mapped[Sequence]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
