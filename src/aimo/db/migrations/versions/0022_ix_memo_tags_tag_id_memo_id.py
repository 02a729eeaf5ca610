"""Create the index ix_memo_tags_tag_id_memo_id."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the index ix_memo_tags_tag_id_memo_id."""
    steps.create_index("ix_memo_tags_tag_id_memo_id", "memo_tags", ["tag_id", "memo_id"])
