"""Let attachments say how high a picture is."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db.migrations import steps

revision = "0065"
down_revision = "0064"


def upgrade() -> None:
    """Add the column."""
    steps.add_column("attachments", sa.Column("height", sa.Integer(), nullable=True))
