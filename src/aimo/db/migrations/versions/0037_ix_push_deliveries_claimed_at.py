"""Create the index ix_push_deliveries_claimed_at."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Create the index ix_push_deliveries_claimed_at."""
    steps.create_index("ix_push_deliveries_claimed_at", "push_deliveries", ["claimed_at"])
