"""Add the column users.sr_enabled."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0067"
down_revision = "0066"


def upgrade() -> None:
    """Add the column users.sr_enabled."""
    column: sa.Column[bool] = sa.Column("sr_enabled", sa.Boolean(), nullable=False, server_default=types.false_default)
    steps.add_column("users", column)
