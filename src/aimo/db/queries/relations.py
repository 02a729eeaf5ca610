"""Statements on references between memos."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute

from aimo.db.dialect_sql import byte_length
from aimo.db.queries.memos import PAGE_COLUMNS
from aimo.db.schema import MemoRelations, Memos
from aimo.db.statements import in_list, owned, param

WHOLE_BYTES: Final = 4096
"""Contents up to this size are read with the reference; of longer ones only the first `BEGINNING` characters are."""

BEGINNING: Final = 1000

_SIZE = byte_length(Memos.content)
# A memo can be referred to any number of times on one page: whole contents would multiply.
_OUTLINE = (
    Memos.memo_id,
    Memos.uid,
    Memos.category_id,
    case((_SIZE <= WHOLE_BYTES, Memos.content), else_=func.substr(Memos.content, 1, BEGINNING)).label("content"),
    _SIZE.label("size"),
    Memos.type,
    Memos.attachments,
    Memos.created_at,
    Memos.updated_at,
)

TARGETS = owned(
    "relations.targets",
    select(MemoRelations.source_memo_id, MemoRelations.position, *_OUTLINE)
    .join(Memos, and_(Memos.memo_id == MemoRelations.target_memo_id, Memos.uid == param("owner")))
    .where(MemoRelations.uid == param("owner"), MemoRelations.source_memo_id.in_(in_list("memo_ids"))),
)


def _backlinks(*columns: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(MemoRelations)
        .join(Memos, and_(Memos.memo_id == MemoRelations.source_memo_id, Memos.uid == param("owner")))
        .where(MemoRelations.uid == param("owner"), MemoRelations.target_memo_id == param("id"))
        .order_by(MemoRelations.seq)
        .limit(param("limit"))
    )


BACKLINKS = owned("relations.backlinks", _backlinks(*PAGE_COLUMNS, Memos.seq).offset(param("offset")))
BACKLINK_SIZES = owned("relations.backlink_sizes", _backlinks(_SIZE.label("size")).offset(param("offset")))
BACKLINK_OUTLINES = owned("relations.backlink_outlines", _backlinks(*_OUTLINE, Memos.seq))
COUNT_BACKLINKS = owned(
    "relations.count_backlinks",
    select(func.count())
    .select_from(MemoRelations)
    .where(MemoRelations.uid == param("owner"), MemoRelations.target_memo_id == param("id")),
)
CREATE = owned(
    "relations.create",
    insert(MemoRelations).values(
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
    delete(MemoRelations).where(MemoRelations.uid == param("owner"), MemoRelations.source_memo_id == param("id")),
)
