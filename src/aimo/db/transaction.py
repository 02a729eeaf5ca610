"""The unit of work: all or nothing, rolled back on any error, cancellation included."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.connection import LOCK_SECONDS, Database, is_transient
from aimo.db.connection_errors import advice, is_lost, is_refusal, is_too_large
from aimo.errors import AimoError, Code

log = structlog.get_logger(__name__)

T = TypeVar("T")

TRANSACTION_SECONDS = 60.0

_ATTEMPTS = 8
_ROLLBACK_SECONDS = 2
# A lock that somebody holds for long is waited for in one more attempt at most: who asked waits for an answer.
_RACING_SECONDS = 1.5 * LOCK_SECONDS
# The other connections of the pool are replaced together with the first that turns out to be lost.
_LOST_ATTEMPTS = 2
# A failover takes a moment, and whoever waits for an answer does not wait for long.
_REFUSED_WAITS = (0.2, 0.5, 1.0)


@asynccontextmanager
async def transaction(
    database: Database, operation: str, *, user: str = "", entity: str = "", seconds: float = TRANSACTION_SECONDS
) -> AsyncIterator[AsyncConnection]:
    """Commit what happens inside, or roll it back on any error and let the error through.

    ``operation``, ``user`` and ``entity`` say in the log what failed; never hand over content.
    Keep it short: no outside call belongs inside.

    Raises:
        TimeoutError: it took longer than ``seconds`` and was rolled back.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(seconds))
        if database.is_sqlite:
            await stack.enter_async_context(database.write_lock)
        connection = await stack.enter_async_context(database.engine.connect())
        try:
            try:
                # Inside, because it may fail after it has begun.
                await connection.exec_driver_sql("BEGIN IMMEDIATE" if database.is_sqlite else "START TRANSACTION")
                yield connection
                await connection.exec_driver_sql("COMMIT")
            except BaseException:
                await _roll_back(connection)
                raise
        except BaseException as error:
            if not isinstance(error, AimoError):
                log.warning(
                    "transaction rolled back",
                    operation=operation,
                    user=user,
                    entity=entity,
                    error=type(error).__name__,
                    transient=is_transient(error),
                )
            raise


async def atomically(
    database: Database,
    operation: str,
    work: Callable[[AsyncConnection], Awaitable[T]],
    *,
    user: str = "",
    entity: str = "",
) -> T:
    """Run ``work`` in a transaction, again from its start when it lost a race for locks or the server did nothing.

    So does a connection that was lost before the end of ``work``: the server rolls back what it did.
    ``work`` must have no effect outside the database: it may run several times.

    Raises:
        AimoError: PARAMS_ERROR where something is larger than the server takes at once.
    """
    started = time.monotonic()
    for attempt in range(1, _ATTEMPTS + 1):
        is_done = False
        try:
            async with transaction(database, operation, user=user, entity=entity) as connection:
                result = await work(connection)
                is_done = True
            return result
        except Exception as error:
            if is_too_large(error):
                log.warning("the database takes no statement so large", operation=operation, advice=advice(error))
                raise AimoError(Code.PARAMS_ERROR, "This is larger than the server's database takes at once") from error
            is_racing = time.monotonic() - started < _RACING_SECONDS
            if is_transient(error) and is_racing and attempt < _ATTEMPTS:
                wait = random.uniform(0, 0.01 * 2**attempt)
            elif is_refusal(error) and attempt <= len(_REFUSED_WAITS):
                wait = _REFUSED_WAITS[attempt - 1]
            elif is_lost(error) and not is_done and attempt <= _LOST_ATTEMPTS:
                wait = 0.0
            else:
                raise
        await asyncio.sleep(wait)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _roll_back(connection: AsyncConnection) -> None:
    """Roll back even while being cancelled, however often; afterwards the connection is clean or closed."""
    task = asyncio.ensure_future(_roll_back_or_close(connection))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
    task.result()


async def _roll_back_or_close(connection: AsyncConnection) -> None:
    if connection.invalidated:
        return
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS):
            await connection.exec_driver_sql("ROLLBACK")
    except Exception as error:  # noqa: BLE001 (whatever the reason, the connection must not be used again)
        log.warning("rollback failed, closing the connection", error=type(error).__name__)
        if not connection.invalidated:
            await connection.invalidate()
