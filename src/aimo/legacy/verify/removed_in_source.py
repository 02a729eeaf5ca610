"""What the target keeps although the source gave it up: a move takes nothing away, but says so."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.copy.ledger import LedgerIndex
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.hashing import hash_key
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.row_outcomes import QuarantineReason

_PAGE = 5000


class SourceRemoval(StrEnum):
    """What the source did with a row that an earlier run had brought over."""

    REMOVED = "removed"
    TRASHED = "trashed"


async def rows_removed_in_source(
    database: Database, runs: Runs, run: Run, kind: type[Mapper], quarantine: Iterable[dict[str, Any]]
) -> list[tuple[str, SourceRemoval]]:
    """Return the keys of these rows of a table, as far as the target still has them; ``quarantine`` is the run's."""
    earlier = [packed for one in runs.before(run) for packed in await runs.ledgers(one, kind.source)]
    if not earlier:
        return []
    now = await runs.ledgers(run, kind.source)
    recorded, held = LedgerIndex(earlier), LedgerIndex(now)
    given_up = dict.fromkeys(recorded.without(now), SourceRemoval.REMOVED)
    for row in quarantine:
        if row["table"] == kind.source and row["reason"] == QuarantineReason.DELETED and row["key"] is not None:
            digest = hash_key(row["key"])
            if recorded.get(digest) and not held.get(digest):
                given_up[digest] = SourceRemoval.TRASHED
    return await _in_target(database, kind, given_up) if given_up else []


async def _in_target(
    database: Database, kind: type[Mapper], given_up: dict[bytes, SourceRemoval]
) -> list[tuple[str, SourceRemoval]]:
    found: list[tuple[str, SourceRemoval]] = []
    after = ""
    while True:
        async with database.reads() as connection:
            which = {"after": after, "limit": _PAGE}
            keys = [str(row[0]) for row in await connection.execute(sql.keys_after(kind.table), which)]
        if not keys:
            return found
        after = keys[-1]
        found += [(key, given_up[digest]) for key in keys if (digest := hash_key(key)) in given_up]
