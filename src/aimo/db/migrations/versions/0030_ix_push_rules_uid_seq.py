"""Create the index ix_push_rules_uid_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Create the index ix_push_rules_uid_seq."""
    steps.create_index("ix_push_rules_uid_seq", "push_rules", ["uid", "seq"])
