"""Queries on leases: roles that only one process may have at a time."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Leases, Memos
from aimo.db.statements import param, unscoped
from aimo.db.typed import Command, Query, columns_for, table_of


class HolderRow(NamedTuple):
    """Who has a lease. ``expires_at`` differs with each renewal; its value means nothing to other processes."""

    holder: str
    expires_at: int


_PROCESSES = "leases belong to processes"
_ONE = Leases.name == param("lease")

_HOLDER = Query(
    unscoped("leases.one", select(*columns_for(HolderRow, Leases)).where(_ONE), reason=_PROCESSES), HolderRow
)
_CREATE_UNLESS_KNOWN = Command(
    unscoped(
        "leases.create",
        insert_new(table_of(Leases)).values(name=param("name"), holder=param("holder"), expires_at=param("expires_at")),
        reason=_PROCESSES,
    )
)
_TAKE = Command(
    unscoped(
        "leases.take",
        update(Leases)
        .where(
            _ONE,
            or_(
                Leases.holder == param("me"),
                and_(Leases.holder == param("dead_holder"), Leases.expires_at == param("dead_expiry")),
            ),
        )
        .values(holder=param("new_holder"), expires_at=param("new_expiry")),
        reason=_PROCESSES,
    )
)
_DELETE = Command(unscoped("leases.delete", delete(Leases).where(_ONE), reason=_PROCESSES))
_RELEASE = Command(
    unscoped("leases.release", delete(Leases).where(_ONE, Leases.holder == param("me")), reason=_PROCESSES)
)
_CHANGE_NO_MEMO = Command(
    unscoped(
        "leases.change_no_memo",
        update(Memos).where(Memos.memo_id == param("memo")).values(memo_id=Memos.memo_id),
        reason="no memo has the id that is asked for",
        trashed="no memo has the id that is asked for",
    )
)


async def holder(connection: ReadConnection, *, lease: str) -> HolderRow | None:
    """Return who has a lease, or had it last; None where nobody ever had."""
    return await _HOLDER.first(connection, lease=lease)


async def create_unless_known(connection: AsyncConnection, *, lease: str, holder: str, expires_at: int) -> None:
    """Store who has a lease, where nobody ever had it."""
    await _CREATE_UNLESS_KNOWN.run(connection, name=lease, holder=holder, expires_at=expires_at)


async def take(connection: AsyncConnection, *, lease: str, me: str, expires_at: int, dead: HolderRow | None) -> bool:
    """Take or renew a lease; False where another process has it.

    From ``dead``, a holder that is known to be gone, it is taken unless that one has renewed it meanwhile.
    """
    former = dead or HolderRow(me, expires_at)
    values = {"me": me, "dead_holder": former.holder, "dead_expiry": former.expires_at}
    return await _TAKE.run(connection, lease=lease, new_holder=me, new_expiry=expires_at, **values) == 1


async def probe(connection: AsyncConnection, *, lease: str, holder: str, now: int) -> None:
    """Replace a row that nobody else needs, and change no memo: neither works while somebody has locked the table."""
    await _DELETE.run(connection, lease=lease)
    await _CREATE_UNLESS_KNOWN.run(connection, name=lease, holder=holder, expires_at=now)
    await _CHANGE_NO_MEMO.run(connection, memo="")


async def release(connection: AsyncConnection, *, lease: str, me: str) -> None:
    """Give a lease back."""
    await _RELEASE.run(connection, lease=lease, me=me)
