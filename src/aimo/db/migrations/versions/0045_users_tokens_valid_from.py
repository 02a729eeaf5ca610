"""Add the column users.tokens_valid_from."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Add the column users.tokens_valid_from."""
    steps.add_column("users", sa.Column("tokens_valid_from", types.Millis(), nullable=True))
