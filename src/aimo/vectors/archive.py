"""Rows of LanceDB tables as plain values for a backup, and back."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from aimo.vectors.table import Table

_BATCH = 500


async def read_rows(table: Table) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows as of now, in batches.

    Texts are as they are, moments epoch milliseconds, vectors base64 of their 32-bit floats, little-endian.

    Raises:
        VectorStoreError: LanceDB failed.
    """
    names = table.layout.schema.names
    async for batch in table.batches(table.handle.query().select(names), _BATCH):
        columns = [_plain(batch.column(name)) for name in names]
        yield [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


async def add_rows(table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add such rows to a table in one commit.

    Raises:
        ValueError: they do not fit.
        VectorStoreError: LanceDB failed.
    """
    fields = table.layout.schema
    columns = {field.name: _column([row[field.name] for row in rows], field.type) for field in fields}
    arrow = pa.table(columns, schema=fields)
    await table.write("restoring", lambda: table.handle.add(arrow))


def vector_length(rows: Sequence[dict[str, Any]]) -> int:
    """The length of the vectors in rows of a cache."""
    return len(base64.b64decode(rows[0]["embedding"])) // 4


def _plain(column: pa.Array) -> list[Any]:
    if pa.types.is_fixed_size_list(column.type):
        flat = column.flatten().to_numpy(zero_copy_only=False).astype("<f4")
        vectors = flat.reshape(len(column), column.type.list_size)
        return [base64.b64encode(vector.tobytes()).decode("ascii") for vector in vectors]
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ms")).cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]
    return column.to_pylist()  # type: ignore[no-any-return]


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(kind):
        flat = np.frombuffer(b"".join(map(base64.b64decode, values)), dtype="<f4")
        return pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), kind.list_size)
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
