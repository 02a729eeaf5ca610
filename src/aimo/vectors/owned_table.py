"""What the tables have in common that one process at a time writes to: rows with an id and an owner, and a fence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from lancedb import AsyncConnection, AsyncTable
from lancedb.expr import Expr, col, lit

from aimo.vectors import fence as fences
from aimo.vectors.fence import FENCE_ID, Fence, FencedError
from aimo.vectors.schemas import TableLayout
from aimo.vectors.table import CHUNK, READ_SECONDS, SEARCH_SECONDS, LanceTable, text_literal


class OwnedLanceTable(LanceTable):
    """A table whose rows have an id and belong to a user, and which one process at a time writes to.

    Writes of a process that was overtaken are refused (`aimo.vectors.fence`).
    """

    def __init__(self, connection: AsyncConnection, handle: AsyncTable, layout: TableLayout, fence: Fence) -> None:
        super().__init__(connection, handle, layout)
        self.fence = fence

    @property
    def id_column(self) -> str:
        """The column with the ids."""
        return self.layout.key[0]

    def write_token(self) -> str:
        """Return the token under which this process writes; see `LanceTable.write_token`."""
        return self.fence.require()

    async def fence_token(self) -> str:
        """Return the token of the latest writer; empty where there was none.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        tokens = [uid async for _, uid in self._rows_of([FENCE_ID], ["uid"])]
        return max(tokens, default="")

    async def raise_fence(self, token: str) -> bool:
        """Refuse from now on what is written under smaller tokens; False where there is a greater one by now.

        Raises:
            VectorStoreError: LanceDB failed.
        """

        async def work() -> Any:
            row = fences.fence_row(await self._handle.schema(), token)
            return await self._merge(row, condition="target.uid <= source.uid", insert=True)

        done = await self.write("becoming the writer of", work)
        return bool(done.num_updated_rows or done.num_inserted_rows)

    async def merge(self, rows: pa.Table, token: str | None, *, insert: bool = True) -> None:
        """Replace rows by their key in one commit, as the writer that has this token.

        Raises:
            FencedError: another process has become the writer; nothing was written.
        """
        assert token is not None
        fenced = pa.concat_tables([rows, fences.fence_row(rows.schema, token)])
        with self._noting_refusal(token):
            done = await self._merge(fenced, condition=fences.merge_condition(self.id_column, token), insert=insert)
            if not done.num_updated_rows:
                raise FencedError("the table was replaced by another process")

    @contextmanager
    def _noting_refusal(self, token: str) -> Iterator[None]:
        try:
            yield
        except FencedError:
            self.fence.lost(token)
            raise
        except (RuntimeError, ValueError, OSError) as error:
            if not fences.is_refusal(error):
                raise
            self.fence.lost(token)
            raise FencedError("another process has become the writer") from error

    async def require_fence(self, token: str) -> None:
        """See that no other process has become the writer, before a write that LanceDB would not refuse.

        Raises:
            FencedError: one has.
            VectorStoreError: LanceDB failed.
        """
        with self._noting_refusal(token):
            if await self.fence_token() != token:
                raise FencedError(f"another process has become the writer of {self.name}")

    async def recreate_empty(self) -> None:
        """Empty the table; see `LanceTable.recreate_empty`."""
        token = self.write_token()
        row = fences.fence_row(self.layout.schema, token)
        await self.write("recreating", lambda: self._overwrite(self.layout, row))

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove the rows with these ids; unknown ones do not matter.

        Raises:
            FencedError: another process has become the writer.
            VectorStoreError: LanceDB failed; some of the rows may be gone.
        """
        token = self.write_token()
        for start in range(0, len(ids), CHUNK):
            await self._delete(col(self.id_column).isin([*ids[start : start + CHUNK], FENCE_ID]), token)

    async def clear(self) -> None:
        """Remove all rows.

        Raises:
            FencedError: another process has become the writer.
            VectorStoreError: LanceDB failed.
        """
        await self._delete(col(self.id_column) != lit(""), self.write_token())

    async def _delete(self, rows: Expr, token: str) -> None:
        condition = fences.delete_condition(self.id_column, token, rows)

        async def work() -> None:
            with self._noting_refusal(token):
                await self._handle.delete(condition)

        await self.write("deleting from", work)

    def rows(self) -> Any:
        """Return a LanceDB query of all rows but the fence's."""
        return self._handle.query().where(col(self.id_column) != lit(FENCE_ID))

    async def count_rows(self, condition: str | None = None, seconds: float = READ_SECONDS) -> int:
        """Return number of rows; see `LanceTable.count_rows`."""
        found = await super().count_rows(condition, seconds)
        return found if condition else found - await super().count_rows(f"{self.id_column} = '{FENCE_ID}'")

    async def count(self, uid: str | None = None) -> int:
        """Return number of rows, of everybody or of one user."""
        if uid is None:
            return await self.count_rows()
        return await self.count_rows(f"uid = {text_literal(uid)}", SEARCH_SECONDS)

    async def ids(self, batch: int = 10_000) -> AsyncIterator[list[tuple[str, str]]]:
        """Yield all ``(id, uid)`` as of now, in batches of at most ``batch``, in no particular order."""
        columns = [self.id_column, "uid"]
        async for rows in self.batches(self.rows().select(columns), batch):
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
        """Return ids that more than one row has, which only a writer of 1.0.0 or a faulty one makes.

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
