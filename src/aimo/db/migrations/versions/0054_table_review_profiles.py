"""Create the table review_profiles."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    """Create the table review_profiles with its index."""
    steps.create_table(
        "review_profiles",
        sa.Column("profile_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_review_profiles_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("filter_rules", types.Json, nullable=True),
        sa.Column("question_count", sa.Integer(), nullable=False, server_default=sa.text("10")),
        sa.Column("user_model_id", types.Id, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("profile_id"),
    )
    steps.create_index("ix_review_profiles_uid_created_at_seq", "review_profiles", ["uid", "created_at", "seq"])
