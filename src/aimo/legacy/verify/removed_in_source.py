"""What the target keeps although the source gave it up: a move takes nothing away, but says so."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.copy.ledger import Recorded
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.hashing import key_digest
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.row_outcomes import Reason

_PAGE = 5000


class GivenUp(StrEnum):
    """What the source did with a row that an earlier run had brought over."""

    REMOVED = "removed"
    TRASHED = "trashed"


async def kept_rows(
    database: Database, runs: Runs, run: Run, kind: type[Mapper], quarantine: Iterable[dict[str, Any]]
) -> list[tuple[str, GivenUp]]:
    """The keys of these rows of a table, as far as the target still has them; ``quarantine`` is the run's."""
    earlier = [packed for one in runs.before(run) for packed in await runs.ledgers(one, kind.source)]
    if not earlier:
        return []
    now = await runs.ledgers(run, kind.source)
    recorded, held = Recorded(earlier), Recorded(now)
    given_up = dict.fromkeys(recorded.without(now), GivenUp.REMOVED)
    for row in quarantine:
        if row["table"] == kind.source and row["reason"] == Reason.DELETED and row["key"] is not None:
            digest = key_digest(row["key"])
            if recorded.get(digest) and not held.get(digest):
                given_up[digest] = GivenUp.TRASHED
    return await _in_target(database, kind, given_up) if given_up else []


async def _in_target(
    database: Database, kind: type[Mapper], given_up: dict[bytes, GivenUp]
) -> list[tuple[str, GivenUp]]:
    found: list[tuple[str, GivenUp]] = []
    after = ""
    while True:
        async with database.reads() as connection:
            which = {"after": after, "limit": _PAGE}
            keys = [str(row[0]) for row in await connection.execute(sql.keys_after(kind.table), which)]
        if not keys:
            return found
        after = keys[-1]
        found += [(key, given_up[digest]) for key in keys if (digest := key_digest(key)) in given_up]
