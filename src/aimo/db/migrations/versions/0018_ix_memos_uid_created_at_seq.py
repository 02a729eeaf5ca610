"""Create the index ix_memos_uid_created_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Create the index ix_memos_uid_created_at_seq."""
    steps.create_index("ix_memos_uid_created_at_seq", "memos", ["uid", "created_at", "seq"])
