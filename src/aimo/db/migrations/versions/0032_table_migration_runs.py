"""Create the table migration_runs."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Create the table migration_runs."""
    steps.create_table(
        "migration_runs",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("source", types.Prose, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("plan", types.Json, nullable=False),
        sa.Column("summary", types.Json, nullable=True),
        sa.Column("started_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("finished_at", types.Millis(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
    )
