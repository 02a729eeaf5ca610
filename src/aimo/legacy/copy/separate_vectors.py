"""Vectors that a later release keeps in tables of their own, separate from the rows they belong to.

Those tables need not say whose a vector is: that is asked of the target, which has the rows already.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.row_outcomes import RowOutcome
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.vectors.legacy_source import SourceTable

# LanceDB has nothing of memos in the trash.
_OWNERS = {"memoId": sql.LIVE_MEMOS, "attachmentId": sql.ATTACHMENTS}
_IN_ONE_QUERY = 1000


def has_vector_column(table: SourceTable | None, column: str) -> bool:
    """Return whether a column of vectors is there, of one length or of several."""
    if table is None or column not in table.schema.names:
        return False
    kind = table.schema.field(column).type
    return bool(pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind))


async def read_with_owner(
    database: Database, table: SourceTable, columns: list[str], first: int, count: int
) -> pa.Table:
    """Return the rows at these positions; the second column, ``uid``, comes from the target where the source has none.

    Raises:
        VersionGone: as for `aimo.legacy.source.damaged_reads.pieces`.
    """
    if "uid" in table.schema.names:
        return await read_with_nulls_for_lost(table, columns, first, count)
    page = await read_with_nulls_for_lost(table, [name for name in columns if name != "uid"], first, count)
    owners = await owners_of(database, columns[0], page.column(0).to_pylist())
    uids = [owners.get(key) for key in page.column(0).to_pylist()]
    return page.add_column(1, pa.field("uid", pa.string()), pa.array(uids, pa.string()))


async def owners_of(database: Database, key: str, row_ids: list[str | None]) -> dict[str, str]:
    """Whose these memos or attachments of the target are."""
    possible = [row_id for row_id in row_ids if row_id and ids.is_possible(row_id)]
    owners: dict[str, str] = {}
    for start in range(0, len(possible), _IN_ONE_QUERY):
        async with database.reads() as connection:
            rows = await connection.execute(_OWNERS[key], {"keys": possible[start : start + _IN_ONE_QUERY]})
            owners |= {row[0]: row.uid for row in rows}
    return owners


async def outcomes_of(database: Database, page: pa.Table, repeated: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return which rows count as migrated: the first whose owner row is in the target, with the same owner."""
    keys, uids = page.column(0).to_pylist(), page.column("uid").to_pylist()
    owners = await owners_of(database, page.column_names[0], keys)
    there = np.array([owners.get(key, "") == uid for key, uid in zip(keys, uids, strict=True)], dtype=bool)
    return np.where(there & ~repeated, int(RowOutcome.MIGRATED), int(RowOutcome.QUARANTINED)).astype(np.uint8)
