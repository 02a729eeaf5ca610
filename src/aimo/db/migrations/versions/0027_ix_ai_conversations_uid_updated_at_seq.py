"""Create the index ix_ai_conversations_uid_updated_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Create the index ix_ai_conversations_uid_updated_at_seq."""
    steps.create_index("ix_ai_conversations_uid_updated_at_seq", "ai_conversations", ["uid", "updated_at", "seq"])
