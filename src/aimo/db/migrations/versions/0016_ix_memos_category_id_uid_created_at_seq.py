"""Create the index ix_memos_category_id_uid_created_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the index ix_memos_category_id_uid_created_at_seq."""
    steps.create_index("ix_memos_category_id_uid_created_at_seq", "memos", ["category_id", "uid", "created_at", "seq"])
