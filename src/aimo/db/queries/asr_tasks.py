"""Queries on tasks of speech recognition."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import AsrTasks
from aimo.db.statements import owned, param
from aimo.db.typed import Command, Scalar, table_of

_MINE = AsrTasks.uid == param("owner")

_CREATE_UNLESS_KNOWN = Command(
    owned(
        "asr_tasks.create",
        insert_new(table_of(AsrTasks)).values(
            uid=param("uid"), task_hash=param("task_hash"), expires_at=param("expires_at")
        ),
    )
)
_EXISTS = Scalar[str](
    owned(
        "asr_tasks.one",
        select(AsrTasks.task_hash).where(
            _MINE, AsrTasks.task_hash == param("task_hash"), AsrTasks.expires_at > param("now")
        ),
    )
)
_DELETE_EXPIRED = Command(
    owned("asr_tasks.delete_expired", delete(AsrTasks).where(_MINE, AsrTasks.expires_at <= param("now")))
)


async def create_unless_known(connection: AsyncConnection, *, owner: str, task_hash: str, expires_at: int) -> None:
    """Store that a user began a task, unless that is known."""
    await _CREATE_UNLESS_KNOWN.run(connection, uid=owner, task_hash=task_hash, expires_at=expires_at)


async def exists(connection: ReadConnection, *, owner: str, task_hash: str, now: int) -> bool:
    """Return whether a user began a task that has not expired at a moment."""
    return await _EXISTS.first(connection, owner=owner, task_hash=task_hash, now=now) is not None


async def delete_expired(connection: AsyncConnection, *, owner: str, now: int) -> None:
    """Remove a user's tasks that have expired at a moment."""
    await _DELETE_EXPIRED.run(connection, owner=owner, now=now)
