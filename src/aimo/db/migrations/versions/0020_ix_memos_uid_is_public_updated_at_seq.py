"""Create the index ix_memos_uid_is_public_updated_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the index ix_memos_uid_is_public_updated_at_seq."""
    steps.create_index("ix_memos_uid_is_public_updated_at_seq", "memos", ["uid", "is_public", "updated_at", "seq"])
