"""Create the table answered_requests."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0063"
down_revision = "0062"


def upgrade() -> None:
    """Create the table answered_requests with its index."""
    steps.create_table(
        "answered_requests",
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_answered_requests_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("request_key", types.Id, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", types.Prose, nullable=True),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("uid", "request_key"),
    )
    steps.create_index("ix_answered_requests_expires_at", "answered_requests", ["expires_at"])
