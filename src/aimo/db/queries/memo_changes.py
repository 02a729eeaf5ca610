"""Statements on the numbers of changes of memos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import MemoChangeCounters, MemoChanges
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, table_of
from aimo.db.types import Id, Millis


class CounterRow(NamedTuple):
    """Where the changes of a user stand; up to ``forgotten`` they are not complete any more."""

    epoch: str
    version: int
    forgotten: int


class ChangeRow(NamedTuple):
    """The number of the latest change of a memo."""

    memo_id: str
    version: int


_MINE = MemoChanges.uid == param("owner")
_COUNTER = MemoChangeCounters.uid == param("owner")
_VERSION = select(MemoChangeCounters.version).where(_COUNTER).scalar_subquery()
_BEHIND = or_(
    MemoChanges.version > param("version"),
    and_(MemoChanges.version == param("version"), MemoChanges.memo_id > param("memo_id")),
)

_COUNT = Command(
    owned(
        "memo_changes.count",
        update(MemoChangeCounters).where(_COUNTER).values(version=MemoChangeCounters.version + 1),
    )
)
_CREATE_COUNTER = Command(
    owned(
        "memo_changes.create_counter",
        insert_new(table_of(MemoChangeCounters)).values(uid=param("uid"), epoch=param("epoch")),
    )
)
_STANDING = Query(
    owned("memo_changes.standing", select(*columns_for(CounterRow, MemoChangeCounters)).where(_COUNTER)), CounterRow
)
_FORGET = Command(
    owned("memo_changes.forget", delete(MemoChanges).where(_MINE, MemoChanges.memo_id.in_(in_list("memo_ids"))))
)
_RECORD = Command(
    owned(
        "memo_changes.record",
        insert(MemoChanges).values(
            memo_id=param("memo_id"), uid=param("owner"), version=param("version"), changed_at=param("now")
        ),
    )
)
_RECORD_NEW = Command(
    owned(
        "memo_changes.record_new",
        insert(MemoChanges).from_select(
            ["memo_id", "uid", "version", "changed_at"],
            select(
                bindparam("memo_id", type_=Id),
                MemoChangeCounters.uid,
                MemoChangeCounters.version,
                bindparam("now", type_=Millis),
            ).where(_COUNTER),
        ),
    )
)
_NUMBER = Scalar[int](owned("memo_changes.number", select(MemoChangeCounters.version).where(_COUNTER)))
_SINCE = Query(
    owned(
        "memo_changes.since",
        select(*columns_for(ChangeRow, MemoChanges))
        .where(_MINE, MemoChanges.version >= param("version"), _BEHIND)
        .order_by(MemoChanges.version, MemoChanges.memo_id)
        .limit(param("limit")),
    ),
    ChangeRow,
)
_OUTDATED = Scalar[str](
    unscoped(
        "memo_changes.outdated",
        select(MemoChanges.uid)
        .where(MemoChanges.changed_at <= param("until"))
        .order_by(MemoChanges.changed_at)
        .limit(1),
        reason="changes of all users are kept for the same time",
    )
)
_NEWEST_OUTDATED = Scalar[int](
    owned(
        "memo_changes.newest_outdated",
        select(func.max(MemoChanges.version)).where(_MINE, MemoChanges.changed_at <= param("until")),
    )
)
_SET_FORGOTTEN = Command(
    owned(
        "memo_changes.set_forgotten",
        update(MemoChangeCounters)
        .where(_COUNTER, MemoChangeCounters.forgotten < param("newest"))
        .values(forgotten=param("newest")),
    )
)
_DELETE_OUTDATED = Command(
    owned("memo_changes.delete_outdated", delete(MemoChanges).where(_MINE, MemoChanges.changed_at <= param("until")))
)
_START_AGAIN = Command(
    unscoped(
        "memo_changes.start_again",
        update(MemoChangeCounters).values(epoch=param("new_epoch")),
        reason="a migration may have brought memos to every user",
    )
)


async def count(connection: AsyncConnection, *, owner: str) -> int | None:
    """Take the next number and hold the counter until the transaction ends; None where the user has no counter."""
    if not await _COUNT.run(connection, owner=owner):
        return None
    return await _NUMBER.one(connection, owner=owner)


async def count_new(connection: AsyncConnection, *, owner: str, memo_id: str, now: int) -> bool:
    """Take the next number as `count` does and give it to a memo that had none; False where the user has no counter."""
    if not await _COUNT.run(connection, owner=owner):
        return False
    await _RECORD_NEW.run(connection, owner=owner, memo_id=memo_id, now=now)
    return True


async def create_counter(connection: AsyncConnection, *, owner: str, epoch: str) -> None:
    """Store a counter that stands at 0, unless the user has one."""
    await _CREATE_COUNTER.run(connection, uid=owner, epoch=epoch)


async def standing(connection: ReadConnection, *, owner: str) -> CounterRow | None:
    """Load where the changes of a user stand; every change up to there is visible to later reads."""
    return await _STANDING.first(connection, owner=owner)


async def record(
    connection: AsyncConnection, *, owner: str, memo_ids: Sequence[str], version: int, now: int, new: bool
) -> None:
    """Give these memos, at least one, the number of their latest change; ``new`` ones had none before."""
    if not new:
        await _FORGET.run(connection, owner=owner, memo_ids=memo_ids)
    rows = [{"memo_id": memo_id, "owner": owner, "version": version, "now": now} for memo_id in memo_ids]
    await _RECORD.run_many(connection, rows)


async def since(connection: ReadConnection, *, owner: str, version: int, memo_id: str, limit: int) -> list[ChangeRow]:
    """Load the changes behind a number, and behind a memo among those of the same number, in order."""
    return await _SINCE.all(connection, owner=owner, version=version, memo_id=memo_id, limit=limit)


async def user_with_outdated(connection: ReadConnection, *, until: int) -> str | None:
    """Return a user who has changes that were made until a moment; None where nobody has."""
    return await _OUTDATED.first(connection, until=until)


async def forget_outdated(connection: AsyncConnection, *, owner: str, until: int) -> int:
    """Remove a user's changes that were made until a moment, and note how far they are incomplete; return how many."""
    newest = await _NEWEST_OUTDATED.first(connection, owner=owner, until=until)
    if newest is None:
        return 0
    await _SET_FORGOTTEN.run(connection, owner=owner, newest=newest)
    return await _DELETE_OUTDATED.run(connection, owner=owner, until=until)


async def start_again(connection: AsyncConnection, *, epoch: str) -> None:
    """Have the numbers of all users belong to another epoch."""
    await _START_AGAIN.run(connection, new_epoch=epoch)
