"""What all tables have in common: opening, reading with a deadline, one writer at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import pyarrow as pa
from lancedb import AsyncConnection, AsyncTable
from lancedb.expr import Expr, col, lit

from aimo.errors import ConfigurationError
from aimo.vectors.creation_lock import creation_lock
from aimo.vectors.errors import report_failures_as
from aimo.vectors.schemas import TableLayout

READ_SECONDS = 30.0
WRITE_SECONDS = 60.0
# Values in one filter: a filter of 2,000 ids takes 10 ms, and its cost grows faster than its length.
CHUNK = 1000
_INDEX_ATTEMPTS = 5

_T = TypeVar("_T")


async def open_table(connection: AsyncConnection, layout: TableLayout) -> AsyncTable:
    """Return the table, created if it is missing, with all scalar indexes of its layout.

    Several processes may do this at the same moment: who comes second opens what the first one made. On object
    storage the first one has to be alone.

    Raises:
        ConfigurationError: a table of this name has other columns.
        VectorStoreError: LanceDB failed.
    """
    with report_failures_as(f"opening table {layout.name}"):
        try:
            handle = await connection.open_table(layout.name)
        except ValueError:
            handle = await _create(connection, layout)
        columns = (await handle.schema()).names
    if missing := [name for name in layout.schema.names if name not in columns]:
        raise ConfigurationError(
            f"The LanceDB table {layout.name} has no column {', '.join(missing)}: it was made by another program. "
            "Point LANCEDB_PATH to another folder, or to an empty one."
        )
    await create_indexes(handle, layout)
    return handle


async def _create(connection: AsyncConnection, layout: TableLayout) -> AsyncTable:
    async with creation_lock(connection.uri):
        try:
            return await connection.create_table(layout.name, schema=layout.schema)
        except (ValueError, RuntimeError, OSError) as error:
            # Another process may have been quicker; if not, this is what is wrong.
            try:
                return await connection.open_table(layout.name)
            except ValueError:
                raise error from None


async def create_indexes(handle: AsyncTable, layout: TableLayout) -> None:
    """Create those scalar indexes of the layout that are missing."""
    for column, config in layout.indexes.items():
        if column in await _indexed_columns(handle):
            continue
        with report_failures_as(f"indexing {layout.name}.{column}"):
            await _create_index(handle, column, config)


async def _create_index(handle: AsyncTable, column: str, config: Any) -> None:
    """Create an index; another process may do so at the same moment."""
    for left in reversed(range(_INDEX_ATTEMPTS)):
        try:
            await handle.create_index(column, config=config)
        except (RuntimeError, OSError, ValueError):
            if column in await _indexed_columns(handle):
                return
            if not left:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def _indexed_columns(handle: AsyncTable) -> set[str]:
    return {index.columns[0] for index in await handle.list_indices()}


class LanceTable:
    """One LanceDB table.

    Reads see every commit of every process. Writes of this object happen one at a time, because two
    concurrent merge_inserts duplicate rows; a caller that is cancelled or runs out of time leaves its
    write to finish behind its back, still alone.
    """

    def __init__(self, connection: AsyncConnection, handle: AsyncTable, layout: TableLayout) -> None:
        self.layout = layout
        self.commits = 0
        self._connection = connection
        self._handle: Any = handle
        self._alone = asyncio.Lock()
        self._writes: set[asyncio.Task[Any]] = set()

    @property
    def name(self) -> str:
        """The table's name in LanceDB."""
        return self.layout.name

    @property
    def handle(self) -> Any:
        """LanceDB's own handle, for upkeep and for reading raw rows."""
        return self._handle

    async def close(self) -> None:
        """Wait for writes under way and let go of the table."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=WRITE_SECONDS)
        self._handle.close()

    async def write(self, action: str, operation: Callable[[], Awaitable[_T]], seconds: float = WRITE_SECONDS) -> _T:
        """Run a writing operation alone.

        Raises:
            VectorStoreError: it failed, or is not done within ``seconds``.
        """
        task = asyncio.create_task(self._run_alone(operation))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        with report_failures_as(f"{action} {self.name}"):
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)

    async def _run_alone(self, operation: Callable[[], Awaitable[_T]]) -> _T:
        async with self._alone:
            result = await operation()
            self.commits += 1
            return result

    async def recreate_empty(self) -> None:
        """Empty the table, also where its rows cannot be read: the handles of all processes go on with the new one.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        await self.write("recreating", lambda: self._overwrite(self.layout))

    async def _overwrite(self, layout: TableLayout) -> None:
        self._handle = await self._connection.create_table(self.name, schema=layout.schema, mode="overwrite")
        await create_indexes(self._handle, layout)

    async def merge(self, rows: pa.Table, *, insert: bool = True) -> None:
        """Replace rows by their key in one commit; add those that are new if ``insert``.

        One commit of 1 row takes 5 to 12 ms and one of 200 rows 12 to 22 ms on tables of 1,000 and of
        100,000 rows alike, no more than deleting and adding does, and unlike that it is atomic.
        """
        merging = self._handle.merge_insert(list(self.layout.key)).when_matched_update_all()
        if insert:
            merging = merging.when_not_matched_insert_all()
        await merging.execute(rows, timeout=timedelta(seconds=WRITE_SECONDS))

    async def read(self, query: Any) -> pa.Table:
        """Return all rows of a LanceDB query.

        Raises:
            VectorStoreError: it failed, or took longer than 30 s.
        """
        with report_failures_as(f"reading {self.name}"):
            async with asyncio.timeout(READ_SECONDS):
                return await query.to_arrow(timeout=timedelta(seconds=READ_SECONDS))

    async def batches(self, query: Any, rows: int) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows of a LanceDB query, as of now, at most ``rows`` at a time.

        Raises:
            VectorStoreError: it failed, or a batch took longer than 30 s.
        """
        with report_failures_as(f"reading {self.name}"):
            reader = await query.to_batches(max_batch_length=rows)
        while True:
            with report_failures_as(f"reading {self.name}"):
                try:
                    async with asyncio.timeout(READ_SECONDS):
                        batch = await anext(reader)
                except StopAsyncIteration:
                    return
            yield batch

    async def count_rows(self, condition: str | None = None) -> int:
        """Return number of rows, of all or of those that meet a filter; see `text_literal`.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        with report_failures_as(f"counting {self.name}"):
            async with asyncio.timeout(READ_SECONDS):
                rows: int = await self._handle.count_rows(condition)
                return rows


class OwnedLanceTable(LanceTable):
    """A table whose rows have an id and belong to a user."""

    @property
    def id_column(self) -> str:
        """The column with the ids."""
        return self.layout.key[0]

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove the rows with these ids; unknown ones do not matter.

        Raises:
            VectorStoreError: LanceDB failed; some of the rows may be gone.
        """
        for start in range(0, len(ids), CHUNK):
            condition = col(self.id_column).isin(ids[start : start + CHUNK])
            await self.write("deleting from", lambda condition=condition: self._handle.delete(condition))  # type: ignore[misc]

    async def count(self, uid: str | None = None) -> int:
        """Return number of rows, of everybody or of one user."""
        return await self.count_rows(None if uid is None else f"uid = {text_literal(uid)}")

    async def ids(self, batch: int = 10_000) -> AsyncIterator[list[tuple[str, str]]]:
        """Yield all ``(id, uid)`` as of now, in batches of at most ``batch``, in no particular order."""
        columns = [self.id_column, "uid"]
        async for rows in self.batches(self._handle.query().select(columns), batch):
            yield list(zip(*(rows.column(name).to_pylist() for name in columns), strict=True))

    async def owners(self, ids: Sequence[str]) -> list[tuple[str, str]]:
        """``(id, uid)`` of the rows with these ids, as many as there are.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        return [(row_id, uid) async for row_id, uid, *_ in self._rows_of(ids, ["uid"])]

    async def _rows_of(self, ids: Sequence[str], columns: Sequence[str]) -> AsyncIterator[tuple[Any, ...]]:
        """Yield the id and these columns of the rows with these ids."""
        wanted = [self.id_column, *columns]
        for start in range(0, len(ids), CHUNK):
            condition = col(self.id_column).isin(list(ids[start : start + CHUNK]))
            rows = await self.read(self._handle.query().where(condition).select(wanted))
            for row in zip(*(_values(rows.column(name)) for name in wanted), strict=True):
                yield row

    async def duplicates(self) -> list[str]:
        """Return ids that more than one row has, which happens only when two processes write at once.

        Deleting and writing them again mends it.
        """
        seen: set[str] = set()
        twice: dict[str, None] = {}
        async for rows in self.ids():
            for row_id, _ in rows:
                if row_id in seen:
                    twice[row_id] = None
                seen.add(row_id)
        return list(twice)


def _values(column: pa.ChunkedArray) -> Iterable[Any]:
    """Return the values of a column; vectors as rows of a matrix."""
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]
    array = column.combine_chunks()
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size)  # type: ignore[no-any-return]


def owned_by(uid: str) -> Expr:
    """Return the rows of one user. LanceDB gets the value as a value, never as text of a filter."""
    return col("uid") == lit(uid)


def text_literal(value: str) -> str:
    r"""Return a value inside the text of a filter, for the one method that takes nothing else.

    LanceDB's own ``Expr.to_sql`` must not be used: it leaves ``\'`` and ``''`` as they are, so that a
    value with a backslash and a quote ends its literal and the rest becomes part of the filter.
    """
    return "'" + value.replace("'", "''") + "'"
