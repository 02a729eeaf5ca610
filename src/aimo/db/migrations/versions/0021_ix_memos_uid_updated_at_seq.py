"""Create the index ix_memos_uid_updated_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create the index ix_memos_uid_updated_at_seq."""
    steps.create_index("ix_memos_uid_updated_at_seq", "memos", ["uid", "updated_at", "seq"])
