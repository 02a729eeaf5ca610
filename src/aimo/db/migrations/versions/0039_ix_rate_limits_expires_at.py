"""Create the index ix_rate_limits_expires_at."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Create the index ix_rate_limits_expires_at."""
    steps.create_index("ix_rate_limits_expires_at", "rate_limits", ["expires_at"])
