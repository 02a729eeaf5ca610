"""Create the table in_app_notifications with its indexes."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0073"
down_revision = "0072"


def upgrade() -> None:
    """Create the table in_app_notifications with its indexes."""
    steps.create_table(
        "in_app_notifications",
        sa.Column("notification_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_in_app_notifications_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("type", types.Word, nullable=False),
        sa.Column("title", types.Prose, nullable=False),
        sa.Column("body", types.Prose, nullable=False),
        sa.Column(
            "memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_in_app_notifications_memo_id", ondelete="CASCADE"),
            nullable=True,
        ),
        sa.Column("is_read", sa.Boolean(), nullable=False, server_default=types.false_default),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("notification_id"),
    )
    steps.create_index(
        "ix_in_app_notifications_uid_created_at_seq", "in_app_notifications", ["uid", "created_at", "seq"]
    )
    steps.create_index("ix_in_app_notifications_memo_id", "in_app_notifications", ["memo_id"])
