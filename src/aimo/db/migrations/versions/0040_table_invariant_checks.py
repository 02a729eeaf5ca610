"""Create the table invariant_checks."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Create the table invariant_checks."""
    steps.create_table(
        "invariant_checks",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("violations", sa.BigInteger(), nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("name"),
    )
