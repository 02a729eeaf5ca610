"""Versions of the existing server's tables, kept for information."""

from __future__ import annotations

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment


class TableMigrations(Model):
    """Which schema version a table of the migrated database had."""

    __tablename__ = "table_migrations"
    __table_args__ = (TABLE_OPTIONS,)

    table_name: Mapped[str] = mapped_column(String(191), primary_key=True)
    current_version: Mapped[int] = mapped_column(Integer, nullable=False)
    last_migrated_at: Mapped[Moment]
