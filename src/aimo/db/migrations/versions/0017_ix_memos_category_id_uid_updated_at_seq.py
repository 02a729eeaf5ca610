"""Create the index ix_memos_category_id_uid_updated_at_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the index ix_memos_category_id_uid_updated_at_seq."""
    steps.create_index("ix_memos_category_id_uid_updated_at_seq", "memos", ["category_id", "uid", "updated_at", "seq"])
