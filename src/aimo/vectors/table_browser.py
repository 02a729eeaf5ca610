"""LanceDB tables as operators see them (docs/contract/machines.md#table-browser)."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from aimo.vectors.table import LanceTable

_PLAIN = {
    pa.string(): "Utf8",
    pa.bool_(): "Bool",
    pa.int32(): "Int32",
    pa.int64(): "Int64",
    pa.float32(): "Float32",
    pa.float64(): "Float64",
    pa.timestamp("ms"): "Timestamp<MILLISECOND>",
}


class LanceColumn(NamedTuple):
    """A column; the type is worded as Arrow's JavaScript library does."""

    name: str
    type: str
    nullable: bool


def columns(table: LanceTable) -> list[LanceColumn]:
    """Return the columns of a table."""
    return [LanceColumn(field.name, type_name(field.type), field.nullable) for field in table.layout.schema]


async def rows(table: LanceTable, *, offset: int, limit: int) -> list[dict[str, object]]:
    """Return some rows in no particular order; vectors are lists of numbers, times epoch milliseconds.

    Raises:
        VectorStoreError: LanceDB failed.
    """
    found = await table.read(table.rows().limit(limit).offset(offset))
    for number, field in enumerate(found.schema):
        if pa.types.is_timestamp(field.type):
            found = found.set_column(number, field.name, found.column(number).cast(pa.int64()))
    listed: list[dict[str, object]] = found.to_pylist()
    return listed


def type_name(kind: pa.DataType) -> str:
    """Return a type as Arrow's JavaScript library words it; as Arrow itself does where that is unknown."""
    if pa.types.is_fixed_size_list(kind):
        return f"FixedSizeList[{kind.list_size}]<{type_name(kind.value_type)}>"
    if pa.types.is_list(kind):
        return f"List<{type_name(kind.value_type)}>"
    return _PLAIN.get(kind, str(kind))
