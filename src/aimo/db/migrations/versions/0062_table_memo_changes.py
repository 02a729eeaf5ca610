"""Create the table memo_changes."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    """Create the table memo_changes with its indexes."""
    steps.create_table(
        "memo_changes",
        sa.Column("memo_id", types.Id, nullable=False),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_memo_changes_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("memo_id"),
    )
    steps.create_index("ix_memo_changes_uid_version_memo_id", "memo_changes", ["uid", "version", "memo_id"])
    steps.create_index("ix_memo_changes_changed_at_uid", "memo_changes", ["changed_at", "uid"])
