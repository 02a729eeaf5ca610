"""Create the index ix_attachments_uid_size."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """Create the index ix_attachments_uid_size."""
    steps.create_index("ix_attachments_uid_size", "attachments", ["uid", "size"])
