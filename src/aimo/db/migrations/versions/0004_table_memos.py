"""Create the table memos."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table memos."""
    steps.create_table(
        "memos",
        sa.Column("memo_id", types.Id, nullable=False),
        sa.Column("uid", types.Id, sa.ForeignKey("users.uid", name="fk_memos_uid", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "category_id",
            types.Id,
            sa.ForeignKey("categories.category_id", name="fk_memos_category_id", ondelete="SET NULL"),
            nullable=True,
        ),
        sa.Column("content", types.Prose, nullable=False),
        sa.Column("type", types.Word, nullable=True, server_default=sa.text("'text'")),
        sa.Column("source", types.Prose, nullable=True),
        sa.Column("attachments", types.Json, nullable=True),
        sa.Column("tag_ids", types.Json, nullable=True),
        sa.Column("is_public", sa.Boolean(), nullable=False, server_default=sa.text("0")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("memo_id"),
    )
