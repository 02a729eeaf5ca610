"""What must be known of a whole source table before its rows are planned one by one.

Memory: 8 bytes a row while keys are compared, then only what occurs more than once.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from aimo.db.queries.notifications import KEPT
from aimo.legacy.hashing import hash_key
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.mappers.notifications import NotificationMapper
from aimo.legacy.mappers.recommendations import RecommendationMapper
from aimo.legacy.mappers.rest import TableMigrationMapper
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.retry import with_retries
from aimo.legacy.row_outcomes import RowMerged, RowQuarantined
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import RowReader, SourceRow
from aimo.vectors.legacy_source import SourceTable

_PAGE = 20_000

Values = dict[str, Any]


async def duplicate_keys(table: SourceTable, *columns: str) -> frozenset[bytes]:
    """Return the hashes of those keys that more than one row has."""
    keys = np.sort(await _digests(table, *columns))
    repeated = np.unique(keys[1:][keys[1:] == keys[:-1]])
    return frozenset(int(key).to_bytes(8, "little") for key in repeated)


async def is_duplicate_mask(table: SourceTable, column: str) -> npt.NDArray[np.bool_]:
    """Return which rows have the key of an earlier one."""
    keys = await _digests(table, column)
    later = np.ones(len(keys), dtype=bool)
    later[np.unique(keys, return_index=True)[1]] = False
    return later


async def _digests(table: SourceTable, *columns: str) -> npt.NDArray[np.uint64]:
    parts = []
    async for rows in _pages(table, dict.fromkeys(columns, Kind.TEXT)):
        hashes = b"".join(hash_key(*(str(row.values[name]) for name in columns)) for row in rows)
        parts.append(np.frombuffer(hashes, dtype="<u8"))
    return np.concatenate(parts) if parts else np.empty(0, dtype="<u8")


async def prepare(mapper: Mapper, table: SourceTable) -> None:
    """Tell a mapper which rows other rows outdo. Only rows that the target can hold outdo others."""
    if isinstance(mapper, UserMapper):
        mapper.shadowed = frozenset(await _superseded_by(mapper, table, _email_of, _age, "uid"))
    elif isinstance(mapper, RecommendationMapper):
        mapper.outdone = await _superseded_by(mapper, table, _day_of, _newest_filled, "recommendation_id")
    elif isinstance(mapper, NotificationMapper):
        mapper.beyond = await _beyond_newest(mapper, table)
    elif isinstance(mapper, TableMigrationMapper):
        mapper.outdone = await _superseded_by(mapper, table, _table_of, _version_of, "table_name")


def _email_of(values: Values) -> object:
    return values["email_key"]


def _age(values: Values) -> tuple[object, ...]:
    return (-values["created_at"],)


def _table_of(values: Values) -> object:
    return values["table_name"]


def _version_of(values: Values) -> tuple[object, ...]:
    return (values["current_version"],)


def _day_of(values: Values) -> object:
    return values["uid"], values["date"]


def _newest_filled(values: Values) -> tuple[object, ...]:
    return bool(values["memo_ids"]), values["created_at"]


async def _superseded_by(
    mapper: Mapper,
    table: SourceTable,
    group: Callable[[Values], object],
    rank: Callable[[Values], tuple[object, ...]],
    name: str,
) -> dict[int, str]:
    """For each position that another row of its group outranks: that row's id. Of equal rows the first wins.

    Memory: some hundred bytes a row, of tables that have few.
    """
    best: dict[object, tuple[tuple[object, ...], int, str]] = {}
    places: list[tuple[object, int]] = []
    seen: set[str] = set()
    async for rows in _pages(table, mapper.kinds):
        await with_retries(lambda rows=rows: mapper.look_up(rows))  # type: ignore[misc]
        for row in rows:
            values = _mapped(mapper, row)
            key = None if values is None else group(values)
            if values is None or key is None:
                continue
            row_id = str(values[name])
            # A later row of the same id is merged or quarantined, unless ids are what is grouped: it outdoes nobody.
            if row_id in seen and row_id != key:
                continue
            seen.add(row_id)
            mine = (rank(values), -row.number, row_id)
            best[key] = max(best.get(key, mine), mine)
            places.append((key, row.number))
    return {number: best[key][2] for key, number in places if best[key][1] != -number}


async def _beyond_newest(mapper: NotificationMapper, table: SourceTable) -> frozenset[int]:
    """Return the positions of rows that are older than the newest `KEPT` of their user."""
    newest: dict[str, list[tuple[int, int]]] = {}
    beyond = set()
    async for rows in _pages(table, mapper.kinds):
        await with_retries(lambda rows=rows: mapper.look_up(rows))  # type: ignore[misc]
        for row in rows:
            values = _mapped(mapper, row)
            if values is None:
                continue
            kept = newest.setdefault(values["uid"], [])
            heapq.heappush(kept, (values["created_at"], row.number))
            if len(kept) > KEPT:
                beyond.add(heapq.heappop(kept)[1])
    return frozenset(beyond)


def _mapped(mapper: Mapper, row: SourceRow) -> Values | None:
    """Return the row as the target would have it, or None where it has no place there."""
    try:
        return mapper.map(row).values
    except (RowQuarantined, RowMerged):
        return None


async def _pages(table: SourceTable, kinds: Mapping[str, Kind]) -> AsyncIterator[list[SourceRow]]:
    reader = RowReader(table, kinds)
    for first in range(0, table.rows, _PAGE):
        yield await reader.read(first, min(_PAGE, table.rows - first))
