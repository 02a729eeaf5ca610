"""Queries on leases: roles that only one process may have at a time."""

from __future__ import annotations

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import Leases
from aimo.db.statements import param, unscoped
from aimo.db.typed import Command, Scalar, table_of
from aimo.db.types import now_utc

_PROCESSES = "leases belong to processes"
_ONE = Leases.name == param("lease")

_NOW = Scalar[int](unscoped("leases.now", select(now_utc()), reason="the database's clock belongs to nobody"))
_HOLDER = Scalar[str](unscoped("leases.one", select(Leases.holder).where(_ONE), reason=_PROCESSES))
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
            _ONE, or_(Leases.holder == param("me"), Leases.holder == param("dead"), Leases.expires_at < param("now"))
        )
        .values(holder=param("new_holder"), expires_at=param("new_expiry")),
        reason=_PROCESSES,
    )
)
_RELEASE = Command(
    unscoped("leases.release", delete(Leases).where(_ONE, Leases.holder == param("me")), reason=_PROCESSES)
)


async def now(connection: ReadConnection) -> int:
    """Return the time of the database's clock, epoch milliseconds."""
    return await _NOW.one(connection)


async def holder(connection: ReadConnection, *, lease: str) -> str | None:
    """Return who has a lease, or had it last; None where nobody ever had."""
    return await _HOLDER.first(connection, lease=lease)


async def create_unless_known(connection: AsyncConnection, *, lease: str, holder: str, expires_at: int) -> None:
    """Store who has a lease, where nobody ever had it."""
    await _CREATE_UNLESS_KNOWN.run(connection, name=lease, holder=holder, expires_at=expires_at)


async def take(connection: AsyncConnection, *, lease: str, me: str, dead: str, now: int, expires_at: int) -> bool:
    """Take or renew a lease, also from ``dead``, a holder that is known to be gone; False where another one has it."""
    values = {"me": me, "dead": dead, "now": now, "new_holder": me, "new_expiry": expires_at}
    return await _TAKE.run(connection, lease=lease, **values) == 1


async def release(connection: AsyncConnection, *, lease: str, me: str) -> None:
    """Give a lease back."""
    await _RELEASE.run(connection, lease=lease, me=me)
