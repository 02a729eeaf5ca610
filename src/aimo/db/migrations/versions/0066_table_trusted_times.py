"""Create the table trusted_times."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    """Create the table trusted_times."""
    steps.create_table(
        "trusted_times",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )
