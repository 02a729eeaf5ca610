"""Create the table vector_outbox."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the table vector_outbox."""
    steps.create_table(
        "vector_outbox",
        sa.Column("mark_id", types.Serial, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("entity_id", types.Id, nullable=False),
        sa.Column("uid", types.Id, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("last_error", types.Prose, nullable=True),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("next_try_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("mark_id"),
        sqlite_autoincrement=True,
    )
