"""Create the index ix_tags_uid_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the index ix_tags_uid_seq."""
    steps.create_index("ix_tags_uid_seq", "tags", ["uid", "seq"])
