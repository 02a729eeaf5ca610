"""Rows of LanceDB tables as plain values for a backup, and back."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from aimo.vectors import schemas
from aimo.vectors.errors import report_failures_as
from aimo.vectors.table import LanceTable, first_of_each

_BATCH = 500
_LARGEST = 2**63 - 1
# As settings allow.
_LONGEST_VECTOR = 65_536
_LAYOUTS = {
    layout.name: layout
    for layout in (schemas.memo_vectors(None, 1), schemas.embedding_cache(1), schemas.multimodal_cache(1))
}


async def read_rows(table: LanceTable) -> AsyncIterator[list[dict[str, object]]]:
    """Yield all rows as of now, in batches.

    Texts are as they are, moments epoch milliseconds, vectors base64 of their 32-bit floats, little-endian.

    Raises:
        VectorStoreError: LanceDB failed.
    """
    names = table.layout.schema.names
    async for batch in table.batches(table.rows().select(names), _BATCH):
        columns = [_plain(batch.column(name)) for name in names]
        yield [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


class RestoredRows:
    """Rows that are added to tables, and that can be taken back as long as nobody else writes there."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[LanceTable, int]] = {}

    async def add(self, table: LanceTable, rows: Sequence[dict[str, object]]) -> None:
        """Add rows, as `read_rows` gives them, to a table in one commit; a cache keeps those with a key that it has.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        fields = table.layout.schema
        columns = {field.name: _column([row[field.name] for row in rows], field.type) for field in fields}
        arrow = pa.table(columns, schema=fields)
        if table.name not in self._before:
            with report_failures_as(f"reading {table.name}"):
                self._before[table.name] = table, await table.handle.version()
        token = table.write_token()

        async def work() -> None:
            if token is not None:
                await table.merge(first_of_each(arrow, table.layout.key), token)
            else:
                await table.handle.merge_insert(list(table.layout.key)).when_not_matched_insert_all().execute(arrow)

        await table.write("restoring", work)

    async def take_back(self) -> None:
        """Make all tables what they were.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        for table, version in self._before.values():
            await table.write("taking back", lambda table=table, version=version: table.handle.restore(version))  # type: ignore[misc]


def is_archived(name: str) -> bool:
    """Return whether backups have a table of this name."""
    return _base(name) in _LAYOUTS


def fields_of(name: str) -> list[str]:
    """Return the columns of a table of this name."""
    names: list[str] = _LAYOUTS[_base(name)].schema.names
    return names


def require_row(where: str, name: str, row: Mapping[str, object]) -> None:
    """See that a row fits the table of this name.

    Raises:
        ValueError: it does not; ``where`` it is begins the text.
    """
    fields = list(_LAYOUTS[_base(name)].schema)
    if row.keys() != {field.name for field in fields}:
        raise ValueError(f"{where} has not the columns of {name}")
    for field in fields:
        if not _fits(field.type, row[field.name]):
            raise ValueError(f"{where} has a {field.name} that cannot be one")


def vector_length(row: Mapping[str, Any]) -> int:
    """Return the length of the vector in a row of a table."""
    return len(base64.b64decode(row["embedding"])) // 4


def _base(name: str) -> str:
    return re.sub(r"(?<=_cache)_\d{1,9}$", "", name)


def _fits(kind: pa.DataType, value: Any) -> bool:
    if pa.types.is_timestamp(kind):
        return type(value) is int and -_LARGEST <= value <= _LARGEST
    if not isinstance(value, str):
        return False
    return not pa.types.is_fixed_size_list(kind) or _is_vector(value)


def _is_vector(value: str) -> bool:
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return 0 < len(content) <= _LONGEST_VECTOR * 4 and len(content) % 4 == 0


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
