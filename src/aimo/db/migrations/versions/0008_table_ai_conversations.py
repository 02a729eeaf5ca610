"""Create the table ai_conversations."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table ai_conversations."""
    steps.create_table(
        "ai_conversations",
        sa.Column("conversation_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_ai_conversations_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("title", types.Prose, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("conversation_id"),
    )
