"""Requests that must have their effect once, and what they were answered."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id, Prose


class AnsweredRequests(Model):
    """A request that a client named by a key; it is written in the transaction in which the request has its effect.

    ``fingerprint`` is a hash of what was asked for, ``answer`` JSON.
    """

    __tablename__ = "answered_requests"
    __table_args__ = (Index(None, "expires_at"), TABLE_OPTIONS)

    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), primary_key=True)
    request_key: Mapped[str] = mapped_column(Id, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), nullable=False)
    answer: Mapped[str | None] = mapped_column(Prose)
    expires_at: Mapped[Moment]
