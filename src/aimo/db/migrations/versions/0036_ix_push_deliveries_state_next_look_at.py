"""Create the index ix_push_deliveries_state_next_look_at."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Create the index ix_push_deliveries_state_next_look_at."""
    steps.create_index("ix_push_deliveries_state_next_look_at", "push_deliveries", ["state", "next_look_at"])
