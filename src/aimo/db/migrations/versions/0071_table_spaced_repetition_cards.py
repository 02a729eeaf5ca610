"""Create the table spaced_repetition_cards with its indexes."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    """Create the table spaced_repetition_cards with its indexes."""
    steps.create_table(
        "spaced_repetition_cards",
        sa.Column("card_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_spaced_repetition_cards_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_spaced_repetition_cards_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("ease_factor", sa.Double(), nullable=False, server_default=sa.text("2.5")),
        sa.Column("interval_days", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("repetitions", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("lapse_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("next_review_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.Column("last_review_at", types.Millis(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("card_id"),
        sa.UniqueConstraint("memo_id", "uid", name="uq_spaced_repetition_cards_memo_id_uid"),
    )
    steps.create_index(
        "ix_spaced_repetition_cards_uid_next_review_at_seq", "spaced_repetition_cards", ["uid", "next_review_at", "seq"]
    )
