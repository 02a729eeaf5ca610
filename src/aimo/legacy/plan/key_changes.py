"""Rows that gave up their name or e-mail in the source since an earlier run brought them.

They follow before any other row is planned. So whoever has the name now finds it free, wherever the rows stand, and two
that swapped theirs arrive, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.transaction import transaction
from aimo.legacy.copy.ledger import LedgerIndex
from aimo.legacy.hashing import hash_key
from aimo.legacy.mappers.mapper import Mapper, column_of
from aimo.legacy.plan.target_lookups import TargetLookups
from aimo.legacy.row_outcomes import RowMerged, RowQuarantined
from aimo.legacy.source.row_reader import RowReader, SourceRow

_PAGE = 1000
# One transaction changes them all, as they may wait for each other in a circle.
_SECONDS = 600.0


@dataclass(slots=True)
class _DesiredRow:
    """What a row of the target is going to be, and whether nobody touched it there since it was brought."""

    values: dict[str, object]
    untouched: bool


async def follow(database: Database, mapper: Mapper, reader: RowReader, recorded: LedgerIndex) -> None:
    """Change these rows of one table, and tell the mapper which followed and which could not.

    Those cannot follow that somebody touched in the target, or whose new name belongs to a row that stays.
    """
    if not mapper.unique or not len(recorded):
        return
    # A mapper that knows of no names that are taken says what the rows would have.
    unaware = type(mapper)(TargetLookups(database), reader.absent)
    unaware.packet_limit = mapper.packet_limit
    wishes: dict[str, _DesiredRow] = {}
    for first in range(0, reader.table.rows, _PAGE):
        rows = await reader.read(first, min(_PAGE, reader.table.rows - first))
        await _desired_rows(
            database, unaware, [row for row in rows if _changed(mapper, row, recorded)], recorded, wishes
        )
    changes = await _possible(mapper, wishes)
    if changes:
        await _write(database, mapper, changes)
    mapper.moved, mapper.stuck = frozenset(changes), frozenset(wishes.keys() - changes.keys())
    mapper.lookups.forget()


def _changed(mapper: Mapper, row: SourceRow, recorded: LedgerIndex) -> bool:
    before = recorded.get(hash_key(str(row.values[mapper.key])))
    return before is not None and before.source != row.digest


async def _desired_rows(
    database: Database, mapper: Mapper, rows: list[SourceRow], recorded: LedgerIndex, wishes: dict[str, _DesiredRow]
) -> None:
    await mapper.lookups.load_users(column_of(rows, "uid"))
    mapped: dict[str, dict[str, object]] = {}
    for row in rows:
        try:
            mapped.setdefault(str(row.values[mapper.key]), mapper.map(row).values)
        except (RowMerged, RowQuarantined):
            continue
    if not mapped:
        return
    async with database.reads() as connection:
        found = await connection.execute(sql.rows(mapper.table), {"keys": list(mapped)})
        rows_held = {row._mapping[sql.key_of(mapper.table)]: dict(row._mapping) for row in found}
    for key, held in rows_held.items():
        before = recorded.get(hash_key(key))
        if before is not None and _place(mapper, held) != _place(mapper, mapped[key]):
            wishes.setdefault(key, _DesiredRow(mapped[key], mapper.has_digest(held, before.target)))


async def _possible(mapper: Mapper, wishes: Mapping[str, _DesiredRow]) -> dict[str, dict[str, object]]:
    """Return the new values of those that can follow: their place is free, or left by one that can follow."""
    changes = {key: wish.values for key, wish in wishes.items() if wish.untouched}
    await mapper.need_holders(list(changes.values()))
    while True:
        takers: dict[tuple[object, ...], str] = {}
        refused = []
        for key, values in changes.items():
            holder, place = mapper.holder(values), _place(mapper, values)
            stays = holder is not None and holder not in changes
            if stays or (None not in place and takers.setdefault(place, key) != key):
                refused.append(key)
        if not refused:
            return changes
        for key in refused:
            del changes[key]


async def _write(database: Database, mapper: Mapper, changes: Mapping[str, dict[str, object]]) -> None:
    table, name = mapper.table, mapper.unique[-1]
    # Names are trimmed: none begins with a space.
    spare = {key: None if table.c[name].nullable else f" {key}" for key in changes}
    async with transaction(database, f"migration.{mapper.source}", seconds=_SECONDS) as connection:
        leave = [{"which": key, f"new_{name}": value} for key, value in spare.items()]
        await connection.execute(sql.change(table, (name,)), leave)
        arrive = [{"which": k} | {f"new_{n}": value for n, value in values.items()} for k, values in changes.items()]
        await connection.execute(sql.change(table, tuple(next(iter(changes.values())))), arrive)


def _place(mapper: Mapper, values: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(values[name] for name in mapper.unique)
