"""What was pushed when: each message is claimed here before it is sent."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment, OptionalMoment
from aimo.db.types import Id, Prose


class PushDeliveries(Model):
    """One message of a rule to one of its channels in one local hour (``due``: ``YYYY-MM-DDTHH``).

    ``channel`` names the target without giving it away. ``state`` is ``claimed`` while the message is on its
    way, ``waiting`` when it may be tried again, else ``sent``, ``failed`` or ``unknown``. ``retry_at``: when
    to try again, or when a claim without a result counts as lost.
    """

    __tablename__ = "push_deliveries"
    __table_args__ = (Index(None, "state", "retry_at"), Index(None, "claimed_at"), TABLE_OPTIONS)

    rule_id: Mapped[str] = mapped_column(Id, ForeignKey("push_rules.id", ondelete="CASCADE"), primary_key=True)
    due: Mapped[str] = mapped_column(String(13), primary_key=True)
    channel: Mapped[str] = mapped_column(String(64), primary_key=True)
    uid: Mapped[str] = mapped_column(Id, nullable=False)
    state: Mapped[str] = mapped_column(String(16), nullable=False)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False)
    claimed_at: Mapped[Moment]
    retry_at: Mapped[OptionalMoment]
    error: Mapped[str | None] = mapped_column(Prose)
