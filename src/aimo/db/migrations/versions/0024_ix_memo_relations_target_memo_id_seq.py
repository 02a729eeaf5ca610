"""Create the index ix_memo_relations_target_memo_id_seq."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create the index ix_memo_relations_target_memo_id_seq."""
    steps.create_index("ix_memo_relations_target_memo_id_seq", "memo_relations", ["target_memo_id", "seq"])
