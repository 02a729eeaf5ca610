"""Finds tables whose files are missing or broken, and frees their names. For an explicit rebuild only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog

from aimo.vectors.creation_lock import creation_lock
from aimo.vectors.errors import DamagedTableError, report_failures_as
from aimo.vectors.table import READ_SECONDS, WRITE_SECONDS

log = structlog.get_logger(__name__)

Connect = Callable[[], Awaitable[Any]]

_BATCH = 1024
# Between two looks: long enough for whatever was only passing.
_PAUSE_SECONDS = 1.0


async def damage(connect: Connect, name: str) -> DamagedTableError | None:
    """Return what is wrong with a table's files, seen twice; None if every row and every index can be read.

    Raises:
        VectorStoreError: it cannot be read, and not because its files are missing or broken.
    """
    return await _seen_twice(lambda: _read_all(connect, name))


async def drop_unopenable(connect: Connect, names: Iterable[str]) -> None:
    """Drop those of the tables whose list of versions is broken: such a one can be neither opened nor overwritten.

    What is missing altogether is left to `open_table`.

    Raises:
        VectorStoreError: one cannot be opened for another reason, or LanceDB failed.
    """
    for name in names:
        if await _seen_twice(lambda name=name: _open(connect, name)) is None:  # type: ignore[misc]
            continue
        connection = await connect()
        async with creation_lock(connection.uri):
            # Another process may have been quicker.
            if (found := await _seen_twice(lambda name=name: _open(connect, name))) is None:  # type: ignore[misc]
                continue
            log.warning("unopenable table dropped", table=name, reason=str(found))
            with report_failures_as(f"dropping {name}"):
                await connection.drop_table(name)


async def _seen_twice(look: Callable[[], Awaitable[object]]) -> DamagedTableError | None:
    for last in (False, True):
        try:
            await look()
        except DamagedTableError as error:
            if last:
                return error
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return None
    return None


async def _open(connect: Connect, name: str) -> None:
    with report_failures_as(f"opening table {name}"):
        try:
            (await (await connect()).open_table(name)).close()
        except ValueError as error:
            if "was not found" not in str(error):
                raise


async def _read_all(connect: Connect, name: str) -> None:
    with report_failures_as(f"reading all of {name}"):
        # A connection that has read from a file may go on without it for a while; a fresh one does not.
        connection = await connect()
        try:
            await _read(await connection.open_table(name))
        finally:
            connection.close()


async def _read(handle: Any) -> None:
    reader = await handle.query().to_batches(max_batch_length=_BATCH)
    while True:
        async with asyncio.timeout(READ_SECONDS):
            if await anext(reader, None) is None:
                break
    for index in await handle.list_indices():
        async with asyncio.timeout(WRITE_SECONDS):
            await handle.prewarm_index(index.name)
