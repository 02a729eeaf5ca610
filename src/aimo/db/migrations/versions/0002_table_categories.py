"""Create the table categories."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table categories."""
    steps.create_table(
        "categories",
        sa.Column("category_id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_categories_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", types.Prose, nullable=False),
        sa.Column("name_key", types.Key, nullable=False),
        sa.Column("color", types.Prose, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("category_id"),
        sa.UniqueConstraint("uid", "name_key", name="uq_categories_uid_name_key"),
    )
