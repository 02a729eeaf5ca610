"""Create the table migration_quarantine."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Create the table migration_quarantine."""
    steps.create_table(
        "migration_quarantine",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("row_key", types.Prose, nullable=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("message", types.Prose, nullable=False),
        sa.Column("content", types.Json, nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("run_id", "table_name", "position"),
    )
