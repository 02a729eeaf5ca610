"""Statements on memos in the trash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import byte_length
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries.live import IN_TRASH, LIVE
from aimo.db.queries.memos import COLUMNS, MemoRow
from aimo.db.schema import Memos
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for


class TrashedMemo(NamedTuple):
    """A memo in the trash: when it was deleted in epoch milliseconds, and the bytes of its content."""

    memo_id: str
    deleted_at: int
    size: int


class TrashedText(NamedTuple):
    """The text of a memo in the trash."""

    memo_id: str
    content: str


class OwnedMemo(NamedTuple):
    """A memo and its owner."""

    uid: str
    memo_id: str


_OWNED = Memos.uid == param("owner")
_OWN_TRASHED = (_OWNED, IN_TRASH)
_ONE = (*_OWN_TRASHED, Memos.memo_id == param("id"))
_LISTED = (*_OWN_TRASHED, Memos.memo_id.in_(in_list("memo_ids")))
_RANGE = (*_OWN_TRASHED, Memos.deleted_at >= param("since"), Memos.deleted_at <= param("until"))
_NEWEST_FIRST: Final = (Memos.deleted_at.desc(), Memos.created_at.desc(), Memos.seq.desc())
_OLDEST_FIRST: Final = (Memos.deleted_at.asc(), Memos.created_at.asc(), Memos.seq.asc())
_ROW = (Memos.memo_id, Memos.deleted_at, byte_length(Memos.content).label("size"))
_PAGE = select(*_ROW).where(*_RANGE).limit(param("limit")).offset(param("offset"))

# Lists are bound for IN alone.
_OTHERS = case((Memos.memo_id.in_(in_list("memo_ids")), 1), else_=0)

_PAGES = {
    True: Query(owned("trash.newest", _PAGE.order_by(*_NEWEST_FIRST)), TrashedMemo),
    False: Query(owned("trash.oldest", _PAGE.order_by(*_OLDEST_FIRST)), TrashedMemo),
}
_COUNT = Scalar[int](owned("trash.count", select(func.count()).select_from(Memos).where(*_RANGE)))
_IDS = Scalar[str](owned("trash.ids", select(Memos.memo_id).where(*_OWN_TRASHED).order_by(*_OLDEST_FIRST)))
_ROWS = Query(owned("trash.rows", select(*COLUMNS).where(*_LISTED)), MemoRow)
_TEXTS = Query(owned("trash.texts", select(*columns_for(TrashedText, Memos)).where(*_LISTED)), TrashedText)
_FOR_UPDATE = Query(
    owned(
        "trash.for_update",
        select(*COLUMNS).where(*_LISTED, Memos.deleted_at <= param("until")).with_for_update(),
    ),
    MemoRow,
)
_PUT = Command(
    owned(
        "trash.put",
        update(Memos).where(_OWNED, LIVE, Memos.memo_id == param("id")).values(deleted_at=param("new_deleted_at")),
    )
)
_RESTORE = Command(owned("trash.restore", update(Memos).where(*_ONE).values(deleted_at=0)))
_DELETE = Command(owned("trash.delete", delete(Memos).where(*_LISTED)))
_OTHER_ATTACHMENTS = Scalar[list[str]](
    owned(
        "trash.other_attachments",
        select(Memos.attachments).where(_OWNED, Memos.attachments.is_not(None), _OTHERS == 0),
        trashed="a file that another memo lists stays, wherever that memo is",
    )
)
_EXPIRED = Query(
    unscoped(
        "trash.expired",
        select(Memos.uid, Memos.memo_id)
        .where(Memos.uid.in_(in_list("uids")), IN_TRASH, Memos.deleted_at <= param("until"))
        .limit(param("limit")),
        reason="the nightly work deletes what has been in anybody's trash for long enough",
    ),
    OwnedMemo,
)


async def page(
    connection: ReadConnection, *, owner: str, since: int, until: int, newest_first: bool, limit: int, offset: int
) -> list[TrashedMemo]:
    """Return a page of the memos deleted in a range of time, both ends included, in the order of deletion."""
    return await _PAGES[newest_first].all(connection, owner=owner, since=since, until=until, limit=limit, offset=offset)


async def count(connection: ReadConnection, *, owner: str, since: int, until: int) -> int:
    """Count the memos deleted in a range of time, both ends included."""
    return await _COUNT.one(connection, owner=owner, since=since, until=until)


async def ids(connection: ReadConnection, *, owner: str) -> list[str]:
    """Return the ids of a user's memos in the trash, those first that were deleted first."""
    return await _IDS.all(connection, owner=owner)


async def rows(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> dict[str, MemoRow]:
    """Load those of these memos, at least one, that are in the trash, by id."""
    return {row.memo_id: row for row in await _ROWS.all(connection, owner=owner, memo_ids=memo_ids)}


async def texts(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> list[TrashedText]:
    """Load the texts of those of these memos, at least one, that are in the trash, in no particular order."""
    return await _TEXTS.all(connection, owner=owner, memo_ids=memo_ids)


async def for_update(connection: AsyncConnection, *, owner: str, memo_ids: Sequence[str], until: int) -> list[MemoRow]:
    """Load those of these memos, at least one, that were deleted until a moment, and lock them.

    They stay locked until the transaction ends.
    """
    return await _FOR_UPDATE.all(connection, owner=owner, memo_ids=memo_ids, until=until)


async def put(connection: AsyncConnection, *, owner: str, memo_id: str, now: int) -> None:
    """Put a live memo into the trash."""
    await _PUT.run(connection, owner=owner, id=memo_id, new_deleted_at=now)


async def restore(connection: AsyncConnection, *, owner: str, memo_id: str) -> None:
    """Make a memo in the trash live."""
    await _RESTORE.run(connection, owner=owner, id=memo_id)


async def delete_memos(connection: AsyncConnection, *, owner: str, memo_ids: Sequence[str]) -> None:
    """Remove memos, at least one, that are in the trash, and by their foreign keys what belongs to them."""
    await _DELETE.run(connection, owner=owner, memo_ids=memo_ids)


async def attachments_of_others(connection: ReadConnection, *, owner: str, memo_ids: Sequence[str]) -> set[str]:
    """Return the ids of attachments that memos of the user list which are none of these, at least one."""
    lists = await _OTHER_ATTACHMENTS.all(connection, owner=owner, memo_ids=memo_ids)
    return {attachment_id for each in lists for attachment_id in each or ()}


async def expired(connection: ReadConnection, *, uids: Sequence[str], until: int, limit: int) -> list[OwnedMemo]:
    """Return memos of these users, at least one, that were deleted until a moment."""
    return await _EXPIRED.all(connection, uids=uids, until=until, limit=limit)
