"""Add the column vector_outbox.started_at."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Add the column vector_outbox.started_at."""
    steps.add_column("vector_outbox", sa.Column("started_at", types.Millis(), nullable=True))
