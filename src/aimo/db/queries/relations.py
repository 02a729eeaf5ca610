"""Statements on references between memos."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, case, delete, func, insert, select

from aimo.db.dialect_sql import byte_length
from aimo.db.queries.memos import COLUMNS
from aimo.db.schema import Memo, MemoRelation
from aimo.db.statements import among, owned, param

WHOLE_BYTES: Final = 4096
"""Contents up to this size are read with the reference; of longer ones only the first `BEGINNING` characters are."""

BEGINNING: Final = 1000

_SIZE = byte_length(Memo.content)
# A memo can be referred to any number of times on one page: whole contents would multiply.
_OUTLINE = (
    Memo.memo_id,
    Memo.uid,
    Memo.category_id,
    case((_SIZE <= WHOLE_BYTES, Memo.content), else_=func.substr(Memo.content, 1, BEGINNING)).label("content"),
    _SIZE.label("size"),
    Memo.type,
    Memo.attachments,
    Memo.created_at,
    Memo.updated_at,
)

TARGETS = owned(
    "relations.targets",
    select(MemoRelation.source_memo_id, MemoRelation.position, *_OUTLINE)
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
BACKLINK_SIZES = owned(
    "relations.backlink_sizes",
    select(_SIZE.label("size"))
    .select_from(MemoRelation)
    .join(Memo, and_(Memo.memo_id == MemoRelation.source_memo_id, Memo.uid == param("owner")))
    .where(MemoRelation.uid == param("owner"), MemoRelation.target_memo_id == param("id"))
    .order_by(MemoRelation.seq)
    .limit(param("limit"))
    .offset(param("offset")),
)
BACKLINK_OUTLINES = owned(
    "relations.backlink_outlines",
    select(*_OUTLINE, Memo.seq)
    .select_from(MemoRelation)
    .join(Memo, and_(Memo.memo_id == MemoRelation.source_memo_id, Memo.uid == param("owner")))
    .where(MemoRelation.uid == param("owner"), MemoRelation.target_memo_id == param("id"))
    .order_by(MemoRelation.seq)
    .limit(param("limit")),
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
