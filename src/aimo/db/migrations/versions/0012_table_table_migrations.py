"""Create the table table_migrations."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table table_migrations."""
    steps.create_table(
        "table_migrations",
        sa.Column("table_name", sa.String(191), nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("last_migrated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("table_name"),
    )
