"""Create the table tags."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table tags."""
    steps.create_table(
        "tags",
        sa.Column("tag_id", types.Id, nullable=False),
        sa.Column("uid", types.Id, sa.ForeignKey("users.uid", name="fk_tags_uid", ondelete="CASCADE"), nullable=False),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("name_key", types.Key, nullable=False),
        sa.Column("color", types.Prose, nullable=True),
        sa.Column("usage_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("tag_id"),
        sa.UniqueConstraint("uid", "name_key", name="uq_tags_uid_name_key"),
    )
