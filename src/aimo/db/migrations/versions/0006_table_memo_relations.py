"""Create the table memo_relations."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table memo_relations."""
    steps.create_table(
        "memo_relations",
        sa.Column("relation_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_memo_relations_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "source_memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_memo_relations_source_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "target_memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_memo_relations_target_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("relation_id"),
        sa.UniqueConstraint("source_memo_id", "target_memo_id", name="uq_memo_relations_source_memo_id_target_memo_id"),
    )
