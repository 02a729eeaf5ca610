"""Let attachments say how wide a picture is."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db.migrations import steps

revision = "0064"
down_revision = "0063"


def upgrade() -> None:
    """Add the column."""
    steps.add_column("attachments", sa.Column("width", sa.Integer(), nullable=True))
