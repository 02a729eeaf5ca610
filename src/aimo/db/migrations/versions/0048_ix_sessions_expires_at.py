"""Create the index ix_sessions_expires_at."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    """Create the index ix_sessions_expires_at."""
    steps.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
