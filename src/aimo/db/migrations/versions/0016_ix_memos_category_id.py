"""Create the index ix_memos_category_id."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the index ix_memos_category_id."""
    steps.create_index("ix_memos_category_id", "memos", ["category_id"])
