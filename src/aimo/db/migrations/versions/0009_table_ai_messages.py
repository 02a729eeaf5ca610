"""Create the table ai_messages."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table ai_messages."""
    steps.create_table(
        "ai_messages",
        sa.Column("message_id", types.Id, nullable=False),
        sa.Column(
            "conversation_id",
            types.Id,
            sa.ForeignKey(
                "ai_conversations.conversation_id", name="fk_ai_messages_conversation_id", ondelete="CASCADE"
            ),
            nullable=False,
        ),
        sa.Column("role", types.Word, nullable=False),
        sa.Column("content", types.Prose, nullable=False),
        sa.Column("sources", types.Json, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("message_id"),
    )
