"""Create the table migration_checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from aimo.db import types
from aimo.db.migrations import steps

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Create the table migration_checkpoints."""
    steps.create_table(
        "migration_checkpoints",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("first_row", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("ledger", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=False),
        sa.Column("details", types.Json, nullable=True),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("run_id", "table_name", "first_row"),
    )
