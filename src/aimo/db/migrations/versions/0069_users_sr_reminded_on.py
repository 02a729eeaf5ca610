"""Add the column users.sr_reminded_on."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db.migrations import steps

revision = "0069"
down_revision = "0068"


def upgrade() -> None:
    """Add the column users.sr_reminded_on."""
    steps.add_column("users", sa.Column("sr_reminded_on", sa.String(10), nullable=True))
