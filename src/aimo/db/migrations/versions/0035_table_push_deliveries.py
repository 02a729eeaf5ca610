"""Create the table push_deliveries."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Create the table push_deliveries."""
    steps.create_table(
        "push_deliveries",
        sa.Column(
            "rule_id",
            types.Id,
            sa.ForeignKey("push_rules.id", name="fk_push_deliveries_rule_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("due", sa.String(13), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("uid", types.Id, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("next_look_at", types.Millis(), nullable=True),
        sa.Column("error", types.Prose, nullable=True),
        sa.PrimaryKeyConstraint("rule_id", "due", "channel"),
    )
