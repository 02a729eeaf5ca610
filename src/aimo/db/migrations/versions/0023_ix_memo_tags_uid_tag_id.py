"""Create the index ix_memo_tags_uid_tag_id."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create the index ix_memo_tags_uid_tag_id."""
    steps.create_index("ix_memo_tags_uid_tag_id", "memo_tags", ["uid", "tag_id"])
