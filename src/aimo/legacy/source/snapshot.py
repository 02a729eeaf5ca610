"""Copies of source tables in files, which a run reads by position as it reads LanceDB's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
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
        texts: where given, what the rows' texts are; the vector of another text counts as none.
    """

    def __init__(self, name: str, table: SourceTable, columns: Sequence[str], texts: TextHashes | None = None) -> None:
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
        same = self._texts.matches(page.column("memoId").to_pylist(), page.column("content").to_pylist())
        kept = [i if one else None for i, one in enumerate(same.tolist())]
        place = page.schema.get_field_index(self._vector)
        vectors = page.column(place).take(pa.array(kept, pa.int64()))
        return page.set_column(place, self._vector, vectors).select(list(columns))

    async def superseded(self) -> bool:
        """As for every source table."""
        return await self._inner.superseded()

    def close(self) -> None:
        """Leave the table to whoever opened it."""


class TextHashes:
    """What the texts of rows are, by their ids: 16 bytes a row, since a source may have very many."""

    def __init__(self, rows: Iterable[Mapping[str, object]]) -> None:
        packed = bytearray()
        for row in rows:
            packed += _hashes(row["memoId"], row["content"])
        pairs = np.frombuffer(packed, dtype="<u8").reshape(-1, 2)
        order = np.argsort(pairs[:, 0], kind="stable")
        self._keys, self._texts = pairs[order, 0], pairs[order, 1]

    def matches(self, keys: Sequence[object], texts: Sequence[object]) -> npt.NDArray[np.bool_]:
        """Return which of these ids have these texts."""
        packed = b"".join(map(_hashes, keys, texts))
        asked = np.frombuffer(packed, dtype="<u8").reshape(-1, 2)
        if not len(self._keys):
            return np.zeros(len(asked), dtype=bool)
        places = np.minimum(np.searchsorted(self._keys, asked[:, 0]), len(self._keys) - 1)
        same: npt.NDArray[np.bool_] = (self._keys[places] == asked[:, 0]) & (self._texts[places] == asked[:, 1])
        return same


def _hashes(key: object, text: object) -> bytes:
    return hash_key(str(key)) + hash_key(text if isinstance(text, str) else "")
