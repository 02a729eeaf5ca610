"""Create the table memo_change_counters."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    """Create the table memo_change_counters."""
    steps.create_table(
        "memo_change_counters",
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_memo_change_counters_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("forgotten", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("uid"),
    )
