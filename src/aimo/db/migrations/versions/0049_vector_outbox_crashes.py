"""Add the column vector_outbox.crashes."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db.migrations import steps

revision = "0049"
down_revision = "0048"


def upgrade() -> None:
    """Add the column vector_outbox.crashes."""
    steps.add_column("vector_outbox", sa.Column("crashes", sa.Integer(), server_default=sa.text("0"), nullable=False))
