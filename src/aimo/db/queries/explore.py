"""Statements on what surrounds the memos that answer a question."""

from __future__ import annotations

from sqlalchemy import select

from aimo.db.schema import MemoRelation
from aimo.db.statements import among, owned, param

# More links than this say nothing more about ten memos.
_MOST = 1000
_MINE = MemoRelation.uid == param("owner")
_LINK = (MemoRelation.source_memo_id, MemoRelation.target_memo_id)

OUTGOING = owned(
    "explore.outgoing",
    select(*_LINK).where(_MINE, MemoRelation.source_memo_id.in_(among("memo_ids"))).limit(_MOST),
)
INCOMING = owned(
    "explore.incoming",
    select(*_LINK).where(_MINE, MemoRelation.target_memo_id.in_(among("memo_ids"))).limit(_MOST),
)
