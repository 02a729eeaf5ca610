"""Create the table review_items."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    """Create the table review_items with its indexes."""
    steps.create_table(
        "review_items",
        sa.Column("item_id", types.Id, nullable=False),
        sa.Column(
            "session_id",
            types.Id,
            sa.ForeignKey("review_sessions.session_id", name="fk_review_items_session_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_review_items_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("memo_id", types.Id, nullable=False),
        sa.Column("question", types.Prose, nullable=False),
        sa.Column("user_answer", types.Prose, nullable=True),
        sa.Column("ai_feedback", types.Prose, nullable=True),
        sa.Column("mastery", types.Word, nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
    )
    steps.create_index("ix_review_items_session_id_position", "review_items", ["session_id", "position"])
    steps.create_index("ix_review_items_uid_memo_id", "review_items", ["uid", "memo_id"])
