"""Create the table push_rules."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table push_rules."""
    steps.create_table(
        "push_rules",
        sa.Column("id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_push_rules_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("push_time", sa.Integer(), nullable=False),
        sa.Column("content_type", types.Word, nullable=False),
        sa.Column("channels", types.Json, nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.text("1")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("id"),
    )
