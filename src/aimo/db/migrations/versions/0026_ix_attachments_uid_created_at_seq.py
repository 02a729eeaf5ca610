"""Create the index ix_attachments_uid_created_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Create the index ix_attachments_uid_created_at_seq."""
    steps.create_index("ix_attachments_uid_created_at_seq", "attachments", ["uid", "created_at", "seq"])
