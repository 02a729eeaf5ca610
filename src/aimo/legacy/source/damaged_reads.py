"""Reads around what a source has lost: a missing or damaged data file costs the rows in it, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pyarrow as pa
import structlog

from aimo.vectors.errors import VectorStoreError
from aimo.vectors.legacy_source import SourceTable

log = structlog.get_logger(__name__)

LOST = "its data cannot be read"
_ATTEMPTS = 3
_WAIT_SECONDS = 0.2


class SourceVersionGoneError(VectorStoreError):
    """The source has a newer version, and not all data of the one that is being read any more."""


async def pieces(
    table: SourceTable, columns: Sequence[str], first: int, count: int
) -> AsyncIterator[tuple[int, pa.Table | VectorStoreError]]:
    """Yield the rows at these positions in as few pieces as can be read: each with its position.

    A range that cannot be read after several attempts is halved until the bad rows are alone; for each of them
    the error comes in place of a table.

    Raises:
        VersionGone: the pinned version was removed, so that nothing can be said of its rows.
    """
    try:
        yield first, await _read_with_retries(table, columns, first, count)
        return
    except VectorStoreError as error:
        if await table.superseded():
            raise SourceVersionGoneError(
                f"{table.name} of the source was changed and its older version removed while it was read; "
                "stop the old server"
            ) from error
        log.warning("rows of the source cannot be read", table=table.name, first=first, rows=count, error=str(error))
    async for piece in _read_halves(table, columns, first, count):
        yield piece


async def read_with_nulls_for_lost(table: SourceTable, columns: Sequence[str], first: int, count: int) -> pa.Table:
    """Return the rows at these positions in one table, with nulls where the data is lost.

    Raises:
        VersionGone: as for `pieces`.
    """
    parts: list[pa.Table] = []
    async for place, piece in pieces(table, columns, first, count):
        lost = isinstance(piece, VectorStoreError)
        parts.append(await _read_row_by_columns(table, columns, place) if lost else piece)
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts)


async def _read_with_retries(table: SourceTable, columns: Sequence[str], first: int, count: int) -> pa.Table:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await table.read(columns, first, count)
        except VectorStoreError:
            if attempt == _ATTEMPTS:
                raise
        await asyncio.sleep(_WAIT_SECONDS * attempt)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _read_halves(
    table: SourceTable, columns: Sequence[str], first: int, count: int
) -> AsyncIterator[tuple[int, pa.Table | VectorStoreError]]:
    try:
        yield first, await table.read(columns, first, count)
    except VectorStoreError as error:
        if count == 1:
            yield first, error
            return
        half = count // 2
        for start, rows in ((first, half), (first + half, count - half)):
            async for piece in _read_halves(table, columns, start, rows):
                yield piece


async def _read_row_by_columns(table: SourceTable, columns: Sequence[str], place: int) -> pa.Table:
    """Return one row, with nulls for the columns that cannot be read."""
    values = []
    for name in columns:
        try:
            values.append((await table.read([name], place, 1)).column(name))
        except VectorStoreError:
            values.append(pa.nulls(1, table.schema.field(name).type))
    fields = [pa.field(name, table.schema.field(name).type) for name in columns]
    return pa.table(values, schema=pa.schema(fields))
