"""Create the index ix_memos_uid_is_public_created_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the index ix_memos_uid_is_public_created_at_seq."""
    steps.create_index("ix_memos_uid_is_public_created_at_seq", "memos", ["uid", "is_public", "created_at", "seq"])
