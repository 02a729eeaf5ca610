"""Copies of source tables in files, which a run reads by position as it reads LanceDB's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from aimo.legacy.hashing import hash_key
from aimo.vectors.legacy_source import SourceTable


class SnapshotTable(SourceTable):
    """A table in an Arrow file, mapped into memory."""

    def __init__(self, name: str, path: Path, version: int) -> None:
        self._map = pa.memory_map(str(path))
        self._table = pa.ipc.open_file(self._map).read_all()
        super().__init__(None, name, None, version=version, rows=self._table.num_rows, schema=self._table.schema)

    async def read(self, columns: Sequence[str], first: int, count: int) -> pa.Table:
        """As for every source table."""
        return self._table.slice(first, count).select(list(columns))

    async def matching(self, column: str, values: Sequence[str], wanted: Sequence[str]) -> pa.Table:
        """As for every source table."""
        found = pc.is_in(self._table.column(column), pa.array(list(values), pa.string()))
        return self._table.select(list(wanted)).filter(found)

    async def superseded(self) -> bool:
        """Return False: a file does not change."""
        return False

    def close(self) -> None:
        """Let go of the file."""
        del self._table
        self._map.close()


class VectorsOfRows(SourceTable):
    """The vectors of a LanceDB table, for rows that are kept elsewhere: without owners, which the rows have.

    Args:
        texts: where given, hashes of the rows' texts by their ids; the vector of another text counts as none.
    """

    def __init__(
        self, name: str, table: SourceTable, columns: Sequence[str], texts: Mapping[str, bytes] | None = None
    ) -> None:
        schema = pa.schema([table.schema.field(column) for column in columns])
        super().__init__(None, name, None, version=table.version, rows=table.rows, schema=schema)
        self._inner = table
        self._vector = columns[-1]
        self._texts = texts

    async def read(self, columns: Sequence[str], first: int, count: int) -> pa.Table:
        """As for every source table."""
        if self._texts is None or self._vector not in columns:
            return await self._inner.read(columns, first, count)
        extra = [name for name in ("memoId", "content") if name not in columns]
        page = await self._inner.read([*columns, *extra], first, count)
        pairs = zip(page.column("memoId").to_pylist(), page.column("content").to_pylist(), strict=True)
        kept = [i if self._texts.get(str(key)) == text_hash(text) else None for i, (key, text) in enumerate(pairs)]
        place = page.schema.get_field_index(self._vector)
        vectors = page.column(place).take(pa.array(kept, pa.int64()))
        return page.set_column(place, self._vector, vectors).select(list(columns))

    async def superseded(self) -> bool:
        """As for every source table."""
        return await self._inner.superseded()

    def close(self) -> None:
        """Leave the table to whoever opened it."""


def text_hash(text: object) -> bytes:
    """Return a hash by which texts are compared."""
    return hash_key(text if isinstance(text, str) else "")
