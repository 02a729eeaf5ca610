"""Create the index ix_memo_relations_uid."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Create the index ix_memo_relations_uid."""
    steps.create_index("ix_memo_relations_uid", "memo_relations", ["uid"])
