"""Statements on references between memos."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, insert, select

from aimo.db.queries.memos import COLUMNS
from aimo.db.schema import Memo, MemoRelation
from aimo.db.statements import among, owned, param

TARGETS = owned(
    "relations.targets",
    select(MemoRelation.source_memo_id, MemoRelation.position, *COLUMNS)
    .join(Memo, and_(Memo.memo_id == MemoRelation.target_memo_id, Memo.uid == param("owner")))
    .where(MemoRelation.uid == param("owner"), MemoRelation.source_memo_id.in_(among("memo_ids"))),
)
BACKLINKS = owned(
    "relations.backlinks",
    select(*COLUMNS, Memo.seq)
    .select_from(MemoRelation)
    .join(Memo, and_(Memo.memo_id == MemoRelation.source_memo_id, Memo.uid == param("owner")))
    .where(MemoRelation.uid == param("owner"), MemoRelation.target_memo_id == param("id"))
    .order_by(MemoRelation.seq)
    .limit(param("limit"))
    .offset(param("offset")),
)
COUNT_BACKLINKS = owned(
    "relations.count_backlinks",
    select(func.count())
    .select_from(MemoRelation)
    .where(MemoRelation.uid == param("owner"), MemoRelation.target_memo_id == param("id")),
)
CREATE = owned(
    "relations.create",
    insert(MemoRelation).values(
        relation_id=param("relation_id"),
        uid=param("uid"),
        source_memo_id=param("source_memo_id"),
        target_memo_id=param("target_memo_id"),
        position=param("position"),
        seq=param("seq"),
        created_at=param("now"),
    ),
)
DELETE_OUTGOING = owned(
    "relations.delete_outgoing",
    delete(MemoRelation).where(MemoRelation.uid == param("owner"), MemoRelation.source_memo_id == param("id")),
)
