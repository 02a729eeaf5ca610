"""Create the table asr_tasks."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Create the table asr_tasks."""
    steps.create_table(
        "asr_tasks",
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_asr_tasks_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("task_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("uid", "task_hash"),
    )
