"""Create the table spaced_repetition_rules with its indexes."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0072"
down_revision = "0071"


def upgrade() -> None:
    """Create the table spaced_repetition_rules with its indexes."""
    steps.create_table(
        "spaced_repetition_rules",
        sa.Column("rule_id", types.Id, nullable=False),
        sa.Column(
            "uid",
            types.Id,
            sa.ForeignKey("users.uid", name="fk_spaced_repetition_rules_uid", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("mode", types.Word, nullable=False),
        sa.Column("filter_type", types.Word, nullable=False),
        sa.Column("filter_value", types.Prose, nullable=False),
        sa.Column(
            "category_id",
            types.Id,
            sa.ForeignKey("categories.category_id", name="fk_spaced_repetition_rules_category_id", ondelete="CASCADE"),
            nullable=True,
        ),
        sa.Column(
            "tag_id",
            types.Id,
            sa.ForeignKey("tags.tag_id", name="fk_spaced_repetition_rules_tag_id", ondelete="CASCADE"),
            nullable=True,
        ),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.Millis(), nullable=False, server_default=types.now_utc()),
        sa.PrimaryKeyConstraint("rule_id"),
    )
    steps.create_index("ix_spaced_repetition_rules_uid_seq", "spaced_repetition_rules", ["uid", "seq"])
    steps.create_index("ix_spaced_repetition_rules_category_id", "spaced_repetition_rules", ["category_id"])
    steps.create_index("ix_spaced_repetition_rules_tag_id", "spaced_repetition_rules", ["tag_id"])
