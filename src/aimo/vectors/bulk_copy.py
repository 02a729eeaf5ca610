"""Moves many rows at once between LanceDB tables, Arrow to Arrow, without a Python object a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.expr import col

from aimo.vectors.owned_table import OwnedLanceTable
from aimo.vectors.table import CHUNK, LanceTable, create_indexes
from aimo.vectors.upkeep import OPTIMIZE_SECONDS
from aimo.vectors.vector_table import _has_direction as has_direction

Mask = npt.NDArray[np.bool_]


def usable_vectors(column: pa.ChunkedArray, dimension: int) -> tuple[Mask, pa.FixedSizeListArray]:
    """Return which rows have a vector that can be searched, and those vectors alone, bit for bit as they are.

    Not usable are nulls, other lengths than ``dimension``, NaN and infinity, and vectors of zeros.
    """
    rows = len(column)
    if pa.types.is_null(column.type):
        return np.zeros(rows, dtype=bool), _vectors(pa.array([], pa.float32()), dimension)
    array = one_array(column)
    mask = _right_length(array, dimension)
    flat = (array if mask.all() else array.filter(pa.array(mask))).flatten()
    if flat.type != pa.float32():
        flat = flat.cast(pa.float32(), safe=False)
    if flat.null_count:
        flat = flat.fill_null(float("nan"))
    numbers = flat.to_numpy(zero_copy_only=False).reshape(-1, dimension)
    good = has_direction(numbers)
    mask[mask] = good
    vectors = _vectors(flat, dimension)
    return mask, vectors if good.all() else vectors.filter(pa.array(good))


def _right_length(array: pa.Array, dimension: int) -> Mask:
    lengths = pc.list_value_length(array).fill_null(-1)
    mask: Mask = (lengths.to_numpy(zero_copy_only=False) == dimension).copy()
    return mask


def _vectors(flat: pa.Array, dimension: int) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(flat, dimension)


def finite_vectors(column: pa.ChunkedArray) -> Mask:
    """Return which rows have a vector of numbers, be they zeros; the column has lists of a fixed size."""
    array = one_array(column)
    mask: Mask = array.is_valid().to_numpy(zero_copy_only=False).copy()
    flat = array.flatten().to_numpy(zero_copy_only=False)
    mask[mask] = np.isfinite(flat.reshape(-1, array.type.list_size)).all(axis=1)
    return mask


def one_array(column: Any) -> pa.Array:
    """Return a column in one piece."""
    if isinstance(column, pa.Array):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def same_bits(one: Any, other: Any) -> Mask:
    """Return which rows of two equally long columns of vectors are the same, bit for bit."""
    if not len(one):
        return np.zeros(0, dtype=bool)
    bits = [
        one_array(column).flatten().to_numpy(zero_copy_only=False).view(np.uint32).reshape(len(column), -1)
        for column in (one, other)
    ]
    if bits[0].shape != bits[1].shape:
        return np.zeros(len(one), dtype=bool)
    same: Mask = (bits[0] == bits[1]).all(axis=1)
    return same


async def append_rows(table: LanceTable, rows: pa.Table) -> None:
    """Add rows in one commit without looking whether they are there.

    LanceDB refuses that to nobody, so it is looked before and after whether another process has become the writer.

    Raises:
        FencedError: one has; the rows may have been added.
        VectorStoreError: LanceDB failed.
    """
    if not rows.num_rows:
        return
    token = table.write_token()

    async def look() -> None:
        if isinstance(table, OwnedLanceTable) and token is not None:
            await table.require_fence(token)

    async def work() -> None:
        await look()
        await table.handle.add(rows)
        await look()

    await table.write("copying into", work)


async def put_rows(table: LanceTable, rows: pa.Table) -> None:
    """Add rows in one commit, in place of those with the same key; the keys are distinct.

    Raises:
        FencedError: another process has become the writer; nothing was written.
        VectorStoreError: LanceDB failed. Writing the same rows again is safe.
    """
    if rows.num_rows:
        token = table.write_token()
        await table.write("copying into", lambda: table.merge(rows, token))


async def rows_with(table: LanceTable, column: str, values: Sequence[str], wanted: Sequence[str]) -> pa.Table:
    """Return the ``wanted`` columns of the rows whose ``column`` is one of the values; no row has the value None.

    Raises:
        VectorStoreError: LanceDB failed.
    """
    values = [value for value in values if value is not None]
    parts = [
        await table.read(table.handle.query().where(col(column).isin(list(values[i : i + CHUNK]))).select(list(wanted)))
        for i in range(0, len(values), CHUNK)
    ]
    return pa.concat_tables(parts) if parts else table.layout.schema.empty_table().select(list(wanted))


async def index_rows(table: LanceTable) -> None:
    """Bring the indexes up to date after a large import, and merge its many parts.

    Raises:
        VectorStoreError: LanceDB failed; nothing is lost by it.
    """

    async def work() -> None:
        await create_indexes(table.handle, table.layout)
        await table.handle.optimize()

    await table.write("indexing", work, OPTIMIZE_SECONDS)
