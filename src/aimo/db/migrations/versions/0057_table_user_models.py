"""Create the table user_models."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    """Create the table user_models with its index."""
    steps.create_table(
        "user_models",
        sa.Column("id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_user_models_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", types.Word, nullable=False),
        sa.Column("provider", types.Word, nullable=False),
        sa.Column("api_base_url", types.Prose, nullable=True),
        sa.Column("api_key", types.Prose, nullable=False),
        sa.Column("model_name", types.Word, nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False, server_default=types.false_default),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("id"),
    )
    steps.create_index("ix_user_models_uid_seq", "user_models", ["uid", "seq"])
