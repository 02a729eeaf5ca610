"""Logins."""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id, Word, false_default


class Sessions(Model):
    """One login, whose tokens are valid while the row exists and is not ``ended``.

    Tokens of earlier releases name no session: they are valid unless there is a row for them, which is then ``ended``.
    """

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "uid", "created_at"), Index(None, "expires_at"), TABLE_OPTIONS)

    session_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    address: Mapped[str] = mapped_column(String(64), nullable=False)
    user_agent: Mapped[str] = mapped_column(Word, nullable=False)
    ended: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default=false_default)
    created_at: Mapped[Moment]
    last_used_at: Mapped[Moment]
    expires_at: Mapped[Moment]
