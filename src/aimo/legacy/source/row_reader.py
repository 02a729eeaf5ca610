"""Reads the rows of a source table by their positions, as Python values."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import pyarrow as pa

from aimo.legacy.hashing import hash_row
from aimo.legacy.source.column_values import Kind, UnreadableValue, values_of
from aimo.legacy.source.damaged_reads import LOST, pieces
from aimo.legacy.source.relational_tables import LEFT_OUT, MERGED_INTO
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.legacy_source import SourceTable

DELETED_AT = "deletedAt"
# Columns that are read since 1.1.0: rows of a source without them keep the hashes that were recorded before.
LATER: Final = frozenset({"srEnabled", "srDailyLimit"})


@dataclass(slots=True)
class SourceRow:
    """One row: its position, its values by column, and the hash of those values."""

    number: int
    values: dict[str, object]
    digest: bytes


class RowReader:
    """The scalar columns of one table.

    Args:
        table: the table at its pinned version.
        kinds: the columns wanted; those that the table lacks, or has with type Null, read as None.
    """

    def __init__(self, table: SourceTable, kinds: Mapping[str, Kind]) -> None:
        self.table = table
        wanted = {**kinds, DELETED_AT: Kind.WHOLE, LEFT_OUT: Kind.TEXT, MERGED_INTO: Kind.TEXT}
        self._kinds = {name: kind for name, kind in wanted.items() if name in table.schema.names}
        self.absent = frozenset(
            name for name in wanted if name not in self._kinds or str(table.schema.field(name).type) == "null"
        )
        self._names = tuple(kinds)
        self._unhashed = LATER - self._kinds.keys()

    async def read(self, first: int, count: int) -> list[SourceRow]:
        """Return the rows at these positions. What cannot be read at all comes as a row of `UnreadableValue` values.

        Raises:
            VersionGone: as for `aimo.legacy.source.damaged_reads.pieces`.
        """
        rows: list[SourceRow] = []
        async for place, table in pieces(self.table, list(self._kinds), first, count):
            if isinstance(table, VectorStoreError):
                rows.append(self._row(place, dict.fromkeys(self._names, UnreadableValue(LOST))))
            else:
                rows += self._rows(place, table)
        return rows

    def _rows(self, first: int, table: pa.Table) -> list[SourceRow]:
        columns = {name: values_of(table.column(name), kind) for name, kind in self._kinds.items()}
        empty = dict.fromkeys(self._names)
        names = tuple(columns)
        rows = zip(*columns.values(), strict=True) if columns else [()] * table.num_rows
        return [self._row(first + i, empty | dict(zip(names, row, strict=True))) for i, row in enumerate(rows)]

    async def whole(self, number: int) -> dict[str, object]:
        """Return every column of one row in a form that JSON can hold, vectors as base64 of their float32 bytes."""
        content: dict[str, object] = {}
        for name in self.table.schema.names:
            try:
                column = (await self.table.read([name], number, 1)).column(name)
            except VectorStoreError as error:
                content[name] = {"unreadable": str(error)}
                continue
            if pa.types.is_fixed_size_list(column.type) and pa.types.is_floating(column.type.value_type):
                flat = column.combine_chunks().flatten()
                raw = flat.to_numpy(zero_copy_only=False).astype("<f4").tobytes()
                content[name] = None if column.null_count else {"float32": base64.b64encode(raw).decode()}
                continue
            try:
                content[name] = plain(column[0].as_py())
            except (UnicodeDecodeError, ValueError, OverflowError) as error:
                content[name] = _raw_moment(column) or {"unreadable": str(error)}
        return content

    def _row(self, number: int, values: dict[str, object]) -> SourceRow:
        hashed = (value for name, value in values.items() if name not in self._unhashed)
        return SourceRow(number, values, hash_row(hashed))


def plain(value: object) -> object:
    """Return a value of the source as JSON can hold it, without loss: what JSON has no form for is named."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, UnreadableValue):
        return {"unreadable": value.why}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _raw_moment(column: pa.ChunkedArray) -> dict[str, object] | None:
    """Return a time that Python has no type for (the year 20000) as its number; None for other columns."""
    if not pa.types.is_timestamp(column.type):
        return None
    return {"timestamp": column.cast(pa.int64())[0].as_py(), "unit": column.type.unit}
