"""Create the index ix_memo_relations_uid."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Create the index ix_memo_relations_uid."""
    steps.create_index("ix_memo_relations_uid", "memo_relations", ["uid"])
