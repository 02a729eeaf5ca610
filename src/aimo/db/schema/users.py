"""Accounts."""

from __future__ import annotations

from sqlalchemy import Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment
from aimo.db.types import Id, Key, Prose


class Users(Model):
    """One account. E-mails are compared byte by byte, through ``email_key``.

    Tokens that name no session are refused when they were issued up to ``tokens_valid_from``.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email_key"), TABLE_OPTIONS)

    uid: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str | None] = mapped_column(Prose)
    email_key: Mapped[str | None] = mapped_column(Key)
    phone: Mapped[str | None] = mapped_column(Prose)
    password: Mapped[str] = mapped_column(Prose, nullable=False)
    salt: Mapped[str] = mapped_column(Prose, nullable=False)
    nickname: Mapped[str | None] = mapped_column(Prose)
    avatar: Mapped[str | None] = mapped_column(Prose)
    status: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("1"))
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    tokens_valid_from: Mapped[OptionalMoment]
