"""Queries on references between memos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from aimo.db.dialect_sql import byte_length
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import LIVE
from aimo.db.queries.memos import PAGE_COLUMNS, MemoRow
from aimo.db.schema import MemoRelations, Memos
from aimo.db.statements import in_list, owned, param
from aimo.db.typed import AnySelect, Command, Query, Scalar, values_for

WHOLE_BYTES: Final = 4096
"""Contents up to this size are read with the reference; of longer ones only the first `BEGINNING` characters are."""

BEGINNING: Final = 1000


class ReferenceRow(NamedTuple):
    """The memo at one end of a reference; ``size`` are the bytes of its whole content.

    ``position`` is the place of the reference among those of the memo that refers, which is ``source_memo_id``.
    """

    source_memo_id: str
    position: int
    memo_id: str
    uid: str
    category_id: str | None
    content: str
    size: int
    type: str | None
    attachments: list[str] | None
    created_at: int
    updated_at: int


class NewReference(NamedTuple):
    """What a reference is stored with."""

    relation_id: str
    uid: str
    source_memo_id: str
    target_memo_id: str
    position: int
    seq: int
    created_at: int


class LinkRow(NamedTuple):
    """That one memo refers to another one."""

    source_memo_id: str
    target_memo_id: str


_SIZE = byte_length(Memos.content)
# A memo can be referred to any number of times on one page: whole contents would multiply.
_REFERENCE = (
    MemoRelations.source_memo_id,
    MemoRelations.position,
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
_MINE = MemoRelations.uid == param("owner")
_REFERS_TO_ONE = (_MINE, MemoRelations.target_memo_id == param("id"))

TARGETS = Query(
    owned(
        "relations.targets",
        select(*_REFERENCE)
        .join(Memos, and_(Memos.memo_id == MemoRelations.target_memo_id, Memos.uid == param("owner"), LIVE))
        .where(_MINE, MemoRelations.source_memo_id.in_(in_list("memo_ids"))),
    ),
    ReferenceRow,
)


_SOURCE = and_(Memos.memo_id == MemoRelations.source_memo_id, Memos.uid == param("owner"), LIVE)


def _backlinks(*columns: ColumnElement[Any] | InstrumentedAttribute[Any]) -> AnySelect:
    return (
        select(*columns)
        .select_from(MemoRelations)
        .join(Memos, _SOURCE)
        .where(*_REFERS_TO_ONE)
        .order_by(MemoRelations.seq)
        .limit(param("limit"))
    )


_PICKED = _backlinks(Memos.memo_id).offset(param("offset")).subquery("picked")
_BACKLINK_PAGE = Query(
    owned(
        "relations.backlinks",
        select(*PAGE_COLUMNS)
        .join(_PICKED, Memos.memo_id == _PICKED.c.memo_id)
        .where(Memos.uid == param("owner"), LIVE)
        .order_by(Memos.seq),
    ),
    MemoRow,
)
_BACKLINK_SIZES = Scalar[int](
    owned("relations.backlink_sizes", _backlinks(_SIZE.label("size")).offset(param("offset")))
)
_BACKLINK_REFERENCES = Query(owned("relations.backlink_references", _backlinks(*_REFERENCE)), ReferenceRow)
_COUNT_BACKLINKS = Scalar[int](
    owned(
        "relations.count_backlinks",
        select(func.count()).select_from(MemoRelations).join(Memos, _SOURCE).where(*_REFERS_TO_ONE),
    )
)
_CREATE = Command(owned("relations.create", insert(MemoRelations).values(values_for(NewReference, MemoRelations))))
_DELETE_OUTGOING = Command(
    owned("relations.delete_outgoing", delete(MemoRelations).where(_MINE, MemoRelations.source_memo_id == param("id")))
)


async def targets(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> list[ReferenceRow]:
    """Load the memos that these memos refer to, in no particular order."""
    return await TARGETS.all(connection, owner=owner, memo_ids=memo_ids)


async def backlink_page(
    connection: ReadConnection, *, owner: str, memo_id: str, limit: int, offset: int
) -> list[MemoRow]:
    """Load a page of the memos that refer to a memo: cut by the order of references, shown in that of memos.

    Contents are as in `memos.page`.
    """
    return await _BACKLINK_PAGE.all(connection, owner=owner, id=memo_id, limit=limit, offset=offset)


async def backlink_sizes(connection: ReadConnection, *, owner: str, memo_id: str, limit: int, offset: int) -> list[int]:
    """Return the bytes of the contents of that page, in the order of references."""
    return await _BACKLINK_SIZES.all(connection, owner=owner, id=memo_id, limit=limit, offset=offset)


async def backlinks(connection: ReadConnection, *, owner: str, memo_id: str, limit: int) -> list[ReferenceRow]:
    """Load the memos that refer to a memo, the first references first."""
    return await _BACKLINK_REFERENCES.all(connection, owner=owner, id=memo_id, limit=limit)


async def count_backlinks(connection: ReadConnection, *, owner: str, memo_id: str) -> int:
    """Count the references that live memos make to a memo."""
    return await _COUNT_BACKLINKS.one(connection, owner=owner, id=memo_id)


async def create(connection: AsyncConnection, references: Sequence[NewReference]) -> None:
    """Store references."""
    await _CREATE.run_many(connection, [each._asdict() for each in references])


async def delete_outgoing(connection: AsyncConnection, *, owner: str, memo_id: str) -> None:
    """Remove the references that a memo makes."""
    await _DELETE_OUTGOING.run(connection, owner=owner, id=memo_id)
