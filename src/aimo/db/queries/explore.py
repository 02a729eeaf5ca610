"""Statements on what surrounds the memos that answer a question."""

from __future__ import annotations

from sqlalchemy import select

from aimo.db.schema import MemoRelations
from aimo.db.statements import in_list, owned, param

# More links than this say nothing more about ten memos.
_MOST = 1000
_MINE = MemoRelations.uid == param("owner")
_LINK = (MemoRelations.source_memo_id, MemoRelations.target_memo_id)

OUTGOING = owned(
    "explore.outgoing",
    select(*_LINK).where(_MINE, MemoRelations.source_memo_id.in_(in_list("memo_ids"))).limit(_MOST),
)
INCOMING = owned(
    "explore.incoming",
    select(*_LINK).where(_MINE, MemoRelations.target_memo_id.in_(in_list("memo_ids"))).limit(_MOST),
)
