"""Add the column memos.deleted_at."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db.migrations import steps

revision = "0059"
down_revision = "0058"


def upgrade() -> None:
    """Add the column memos.deleted_at; all memos are live."""
    steps.add_column("memos", sa.Column("deleted_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
