"""Accounts."""

from __future__ import annotations

from sqlalchemy import Boolean, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment
from aimo.db.types import Id, Key, Prose, false_default


class Users(Model):
    """One account. E-mails are compared byte by byte, through ``email_key``.

    Tokens that name no session are refused when they were issued up to ``tokens_valid_from``. Who wants to be
    reminded of reviews has ``sr_enabled``, of ``sr_daily_limit`` cards at most; ``sr_reminded_on`` is the local day,
    ``YYYY-MM-DD``, of the latest reminder.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email_key"), Index(None, "sr_enabled", "uid"), TABLE_OPTIONS)

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
    sr_enabled: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default=false_default)
    sr_daily_limit: Mapped[int] = mapped_column(Integer, nullable=False, server_default=text("5"))
    sr_reminded_on: Mapped[str | None] = mapped_column(String(10))
