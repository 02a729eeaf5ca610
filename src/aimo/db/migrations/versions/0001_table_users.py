"""Create the table users."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table users."""
    steps.create_table(
        "users",
        sa.Column("uid", types.Id, nullable=False),
        sa.Column("email", types.Prose, nullable=True),
        sa.Column("email_key", types.Key, nullable=True),
        sa.Column("phone", types.Prose, nullable=True),
        sa.Column("password", types.Prose, nullable=False),
        sa.Column("salt", types.Prose, nullable=False),
        sa.Column("nickname", types.Prose, nullable=True),
        sa.Column("avatar", types.Prose, nullable=True),
        sa.Column("status", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("updated_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("uid"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )
