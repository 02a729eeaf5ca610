"""Create the table user_feature_configs."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    """Create the table user_feature_configs with its index."""
    steps.create_table(
        "user_feature_configs",
        sa.Column("id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_user_feature_configs_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("feature", sa.String(50), nullable=False),
        sa.Column(
            "user_model_id",
            types.Id,
            sa.ForeignKey("user_models.id", name="fk_user_feature_configs_user_model_id", ondelete="SET NULL"),
            nullable=True,
        ),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid", "feature", name="uq_user_feature_configs_uid_feature"),
    )
    steps.create_index("ix_user_feature_configs_user_model_id", "user_feature_configs", ["user_model_id"])
