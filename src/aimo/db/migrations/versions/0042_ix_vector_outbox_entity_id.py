"""Create the index ix_vector_outbox_entity_id."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Create the index ix_vector_outbox_entity_id."""
    steps.create_index("ix_vector_outbox_entity_id", "vector_outbox", ["entity_id"])
