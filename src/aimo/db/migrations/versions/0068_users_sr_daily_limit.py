"""Add the column users.sr_daily_limit."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db.migrations import steps

revision = "0068"
down_revision = "0067"


def upgrade() -> None:
    """Add the column users.sr_daily_limit."""
    column = sa.Column("sr_daily_limit", sa.Integer(), nullable=False, server_default=sa.text("5"))
    steps.add_column("users", column)
