"""Create the index ix_ai_messages_conversation_id_created_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create the index ix_ai_messages_conversation_id_created_at_seq."""
    steps.create_index(
        "ix_ai_messages_conversation_id_created_at_seq", "ai_messages", ["conversation_id", "created_at", "seq"]
    )
