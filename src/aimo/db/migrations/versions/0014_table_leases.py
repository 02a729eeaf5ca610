"""Create the table leases."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the table leases."""
    steps.create_table(
        "leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", types.Word, nullable=False),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )
