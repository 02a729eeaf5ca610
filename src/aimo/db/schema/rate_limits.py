"""How often something was tried lately."""

from __future__ import annotations

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment


class RateLimits(Model):
    """A counter that means nothing any more after ``expires_at``.

    ``name`` is what is counted and a keyed hash of whom it is counted for: the table tells nobody's e-mail or address.
    """

    __tablename__ = "rate_limits"
    __table_args__ = (Index(None, "expires_at"), TABLE_OPTIONS)

    name: Mapped[str] = mapped_column(String(96), primary_key=True)
    hits: Mapped[int] = mapped_column(Integer, nullable=False)
    expires_at: Mapped[Moment]
