"""Create the table daily_recommendations."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table daily_recommendations."""
    steps.create_table(
        "daily_recommendations",
        sa.Column("recommendation_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_daily_recommendations_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("memo_ids", types.Json, nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("recommendation_id"),
        sa.UniqueConstraint("uid", "date", name="uq_daily_recommendations_uid_date"),
    )
