"""Create the index ix_push_rules_enabled_push_time_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Create the index ix_push_rules_enabled_push_time_seq."""
    steps.create_index("ix_push_rules_enabled_push_time_seq", "push_rules", ["enabled", "push_time", "seq"])
