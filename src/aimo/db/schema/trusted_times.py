"""Until when the clock has been believed."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment


class TrustedTimes(Model):
    """The latest time that one piece of nightly work has believed, so that a clock far ahead costs nobody anything."""

    __tablename__ = "trusted_times"
    __table_args__ = (TABLE_OPTIONS,)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[Moment]
