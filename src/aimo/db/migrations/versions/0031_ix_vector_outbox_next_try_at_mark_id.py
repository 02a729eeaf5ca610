"""Create the index ix_vector_outbox_next_try_at_mark_id."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Create the index ix_vector_outbox_next_try_at_mark_id."""
    steps.create_index("ix_vector_outbox_next_try_at_mark_id", "vector_outbox", ["next_try_at", "mark_id"])
