"""What must be known of a whole source table before its rows are judged one by one.

Memory: 8 bytes a row while keys are compared, then only what occurs more than once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np

from aimo import ids
from aimo.legacy.columns import Kind
from aimo.legacy.digests import key_digest
from aimo.legacy.mapper import Mapper
from aimo.legacy.mappers.recommendations import RecommendationMapper
from aimo.legacy.mappers.rest import TableMigrationMapper
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.reader import DELETED_AT, RowReader, SourceRow
from aimo.vectors.legacy_source import SourceTable

_PAGE = 20_000


async def repeated_keys(table: SourceTable, *columns: str) -> frozenset[bytes]:
    """The digests of those keys that more than one row has."""
    parts = []
    async for rows in _pages(table, dict.fromkeys(columns, Kind.TEXT)):
        digests = b"".join(key_digest(*(str(row.values[name]) for name in columns)) for row in rows)
        parts.append(np.frombuffer(digests, dtype="<u8"))
    keys = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype="<u8")
    repeated = np.unique(keys[1:][keys[1:] == keys[:-1]])
    return frozenset(int(key).to_bytes(8, "little") for key in repeated)


async def prepare(mapper: Mapper, table: SourceTable) -> None:
    """Tell a mapper which rows other rows outdo."""
    if isinstance(mapper, UserMapper):
        mapper.shadowed = frozenset(await _younger_accounts(table))
    elif isinstance(mapper, RecommendationMapper):
        mapper.outdone = await _outdone(table, mapper.kinds, _day_of, _newest_filled, lambda r: r["recommendationId"])
    elif isinstance(mapper, TableMigrationMapper):
        mapper.outdone = await _outdone(
            table,
            mapper.kinds,
            lambda r: r["tableName"],
            lambda r: (r["currentVersion"] or 0,),
            lambda r: r["tableName"],
        )


def _day_of(row: dict[str, Any]) -> Any:
    usable = ids.is_possible(str(row["recommendationId"])) and isinstance(row["createdAt"], int)
    return (row["uid"], row["date"]) if usable else None


def _newest_filled(row: dict[str, Any]) -> tuple[Any, ...]:
    return bool(row["memoIds"]), row["createdAt"]


async def _younger_accounts(table: SourceTable) -> list[int]:
    """Positions of accounts whose e-mail an older one has."""
    oldest: dict[str, tuple[int, int]] = {}
    younger = []
    kinds = {"uid": Kind.TEXT, "email": Kind.TEXT, "createdAt": Kind.MOMENT}
    async for rows in _pages(table, kinds):
        for row in rows:
            email, created_at = row.values["email"], row.values["createdAt"]
            if not email or not isinstance(email, str) or not _is_usable(row):
                continue
            mine = (created_at if isinstance(created_at, int) else 0, row.number)
            other = oldest.setdefault(email, mine)
            if other != mine:
                oldest[email] = min(mine, other)
                younger.append(max(mine, other)[1])
    return younger


def _is_usable(row: SourceRow) -> bool:
    return not row.values.get(DELETED_AT) and ids.is_possible(str(row.values["uid"]))


async def _outdone(
    table: SourceTable,
    kinds: Any,
    group: Callable[[dict[str, Any]], Any],
    rank: Callable[[dict[str, Any]], tuple[Any, ...]],
    name: Callable[[dict[str, Any]], Any],
) -> dict[int, str]:
    """For each position that another row of its group outranks: that row's id. Of equal rows the first wins."""
    best: dict[Any, tuple[tuple[Any, ...], int, str]] = {}
    places: list[tuple[Any, int]] = []
    async for rows in _pages(table, kinds):
        for row in rows:
            key = None if row.values.get(DELETED_AT) else group(row.values)
            if key is None:
                continue
            mine = (rank(row.values), -row.number, str(name(row.values)))
            best[key] = max(best.get(key, mine), mine)
            places.append((key, row.number))
    return {number: best[key][2] for key, number in places if best[key][1] != -number}


async def _pages(table: SourceTable, kinds: dict[str, Kind]) -> AsyncIterator[list[SourceRow]]:
    reader = RowReader(table, kinds)
    for first in range(0, table.rows, _PAGE):
        yield await reader.read(first, min(_PAGE, table.rows - first))
