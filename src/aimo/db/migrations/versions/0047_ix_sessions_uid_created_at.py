"""Create the index ix_sessions_uid_created_at."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Create the index ix_sessions_uid_created_at."""
    steps.create_index("ix_sessions_uid_created_at", "sessions", ["uid", "created_at"])
