"""Create the table access_tokens with its indexes."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0074"
down_revision = "0073"


def upgrade() -> None:
    """Create the table access_tokens with its indexes."""
    steps.create_table(
        "access_tokens",
        sa.Column("token_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_access_tokens_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("name", types.Word, nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scopes", types.Word, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("expires_at", types.Millis(), nullable=True),
        sa.Column("last_used_at", types.Millis(), nullable=True),
        sa.PrimaryKeyConstraint("token_id"),
    )
    steps.create_index("ix_access_tokens_uid_seq", "access_tokens", ["uid", "seq"])
    steps.create_index("ix_access_tokens_expires_at", "access_tokens", ["expires_at"])
