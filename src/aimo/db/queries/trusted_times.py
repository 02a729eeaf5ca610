"""Statements on how far nightly work has believed the clock."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import TrustedTimes
from aimo.db.statements import param, unscoped
from aimo.db.typed import Command, Scalar, table_of

_REASON = "a time of the installation, no user's"

_ONE = Scalar[int](
    unscoped("trusted_times.one", select(TrustedTimes.at).where(TrustedTimes.name == param("name")), reason=_REASON)
)
_CREATE = Command(
    unscoped(
        "trusted_times.create",
        insert_new(table_of(TrustedTimes)).values(name=param("name"), at=param("at")),
        reason=_REASON,
    )
)
_UPDATE = Command(
    unscoped(
        "trusted_times.update",
        update(TrustedTimes).where(TrustedTimes.name == param("key")).values(at=param("new_at")),
        reason=_REASON,
    )
)
_DELETE = Command(
    unscoped("trusted_times.delete", delete(TrustedTimes).where(TrustedTimes.name == param("name")), reason=_REASON)
)


async def trusted_time(connection: ReadConnection, *, name: str) -> int | None:
    """Return how far the clock has been believed under a name, epoch milliseconds; None before the first time."""
    return await _ONE.first(connection, name=name)


async def trust(connection: AsyncConnection, *, name: str, at: int) -> None:
    """Store how far the clock has been believed under a name."""
    await _CREATE.run(connection, name=name, at=at)
    await _UPDATE.run(connection, key=name, new_at=at)


async def forget(connection: AsyncConnection, *, name: str) -> None:
    """Remove what was stored under a name."""
    await _DELETE.run(connection, name=name)
