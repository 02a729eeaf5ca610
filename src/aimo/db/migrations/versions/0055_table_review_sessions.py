"""Create the table review_sessions."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    """Create the table review_sessions with its indexes."""
    steps.create_table(
        "review_sessions",
        sa.Column("session_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_review_sessions_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "profile_id",
            types.Id,
            sa.ForeignKey("review_profiles.profile_id", name="fk_review_sessions_profile_id", ondelete="SET NULL"),
            nullable=True,
        ),
        sa.Column("scope", types.Word, nullable=False, server_default=sa.text("'all'")),
        sa.Column("scope_value", types.Prose, nullable=True),
        sa.Column("status", types.Word, nullable=False, server_default=sa.text("'active'")),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("completed_at", types.Millis(), nullable=True),
        sa.PrimaryKeyConstraint("session_id"),
    )
    steps.create_index("ix_review_sessions_uid_created_at_seq", "review_sessions", ["uid", "created_at", "seq"])
    steps.create_index("ix_review_sessions_profile_id", "review_sessions", ["profile_id"])
