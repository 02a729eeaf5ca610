"""Create the index ix_users_sr_enabled_uid."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    """Create the index ix_users_sr_enabled_uid."""
    steps.create_index("ix_users_sr_enabled_uid", "users", ["sr_enabled", "uid"])
