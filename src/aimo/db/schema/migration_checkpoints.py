"""How far runs of the data migration have come, and what became of each row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from aimo.db.schema.base import TABLE_OPTIONS, Model, Moment
from aimo.db.types import Json

_Ledger = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


class MigrationCheckpoints(Model):
    """One batch that is done, committed together with its rows.

    ``ledger`` has one fixed-size record for each row of the batch (`aimo.legacy.copy.ledger`); ``details``
    lists the rows that were changed on the way or merged into others.
    """

    __tablename__ = "migration_checkpoints"
    __table_args__ = (TABLE_OPTIONS,)

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    table_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_row: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    row_count: Mapped[int] = mapped_column(Integer, nullable=False)
    ledger: Mapped[bytes] = mapped_column(_Ledger, nullable=False)
    details: Mapped[Any | None] = mapped_column(Json)
    created_at: Mapped[Moment]
