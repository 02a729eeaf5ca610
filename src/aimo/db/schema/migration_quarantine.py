"""Rows that the data migration could not take over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Json, Prose


class MigrationQuarantine(Model):
    """One source row, kept whole, with the reason why it has no place in the tables.

    ``position`` is its position in the source table, ``row_key`` its id there as far as it has one.
    """

    __tablename__ = "migration_quarantine"
    __table_args__ = (TABLE_OPTIONS,)

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    table_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    row_key: Mapped[str | None] = mapped_column(Prose)
    reason: Mapped[str] = mapped_column(String(64), nullable=False)
    message: Mapped[str] = mapped_column(Prose, nullable=False)
    content: Mapped[Any] = mapped_column(Json, nullable=False)
    created_at: Mapped[Moment]
