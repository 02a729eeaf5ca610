"""Create the table rate_limits."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Create the table rate_limits."""
    steps.create_table(
        "rate_limits",
        sa.Column("name", sa.String(96), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )
