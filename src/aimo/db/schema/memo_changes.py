"""What has changed of each user's memos, for clients that keep a copy of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Id


class MemoChangeCounters(Model):
    """The number of a user's latest change; the row stays locked until the change that took a number is committed.

    So no number becomes visible before a smaller one. ``epoch`` is another text whenever numbers do not go on from
    those before. Changes up to ``forgotten`` may have been removed.
    """

    __tablename__ = "memo_change_counters"
    __table_args__ = (TABLE_OPTIONS,)

    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(32), nullable=False)
    version: Mapped[int] = mapped_column(BigInteger, nullable=False, server_default=text("0"))
    forgotten: Mapped[int] = mapped_column(BigInteger, nullable=False, server_default=text("0"))


class MemoChanges(Model):
    """The number of the latest change of a memo; the row outlives the memo, which tells that it was deleted."""

    __tablename__ = "memo_changes"
    __table_args__ = (
        Index(None, "uid", "version", "memo_id"),
        Index(None, "changed_at", "uid"),
        TABLE_OPTIONS,
    )

    memo_id: Mapped[str] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(Id, ForeignKey("users.uid", ondelete="CASCADE"), nullable=False)
    version: Mapped[int] = mapped_column(BigInteger, nullable=False)
    changed_at: Mapped[Moment]
