"""Create the table memo_tags."""

from __future__ import annotations

import sqlalchemy as sa

from aimo.db import types
from aimo.db.migrations import steps

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table memo_tags."""
    steps.create_table(
        "memo_tags",
        sa.Column(
            "memo_id",
            types.Id,
            sa.ForeignKey("memos.memo_id", name="fk_memo_tags_memo_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "tag_id",
            types.Id,
            sa.ForeignKey("tags.tag_id", name="fk_memo_tags_tag_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "uid", types.Id, sa.ForeignKey("users.uid", name="fk_memo_tags_uid", ondelete="CASCADE"), nullable=False
        ),
        sa.PrimaryKeyConstraint("memo_id", "tag_id"),
    )
