"""Create the table sessions."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    """Create the table sessions."""
    steps.create_table(
        "sessions",
        sa.Column("session_id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_sessions_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", types.Word, nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False, server_default=types.false_default),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("last_used_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("session_id"),
    )
