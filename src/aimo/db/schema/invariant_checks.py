"""What the doctor found last."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment


class InvariantChecks(Model):
    """The last result of checking one invariant (docs/guarantees.md)."""

    __tablename__ = "invariant_checks"
    __table_args__ = (TABLE_OPTIONS,)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    checked: Mapped[int] = mapped_column(BigInteger, nullable=False)
    violations: Mapped[int] = mapped_column(BigInteger, nullable=False)
    repaired: Mapped[int] = mapped_column(BigInteger, nullable=False)
    finished_at: Mapped[Moment]
