"""Create the table attachments."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table attachments."""
    steps.create_table(
        "attachments",
        sa.Column("attachment_id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_attachments_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("filename", types.Prose, nullable=False),
        sa.Column("type", types.Prose, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("storage_type", types.Word, nullable=False),
        sa.Column("path", types.Prose, nullable=False),
        sa.Column("bucket", types.Prose, nullable=True),
        sa.Column("prefix", types.Prose, nullable=True),
        sa.Column("endpoint", types.Prose, nullable=True),
        sa.Column("region", types.Prose, nullable=True),
        sa.Column("is_public_bucket", types.Word, nullable=True),
        sa.Column("multimodal_model_hash", types.Word, nullable=True),
        sa.Column("properties", types.Json, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("attachment_id"),
    )
