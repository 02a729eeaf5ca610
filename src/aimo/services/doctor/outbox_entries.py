"""Outbox entries explain what LanceDB does not know yet; new ones have it put right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aimo.db.connection import Database
from aimo.db.queries import doctor as doctor_queries
from aimo.db.queries.outbox import MOST_CRASHES
from aimo.services.doctor.invariant import Violation
from aimo.services.sync.outbox import Kind, create_entries

# The entity of an entry that asks for everything to be rebuilt.
EVERYTHING = "all"


async def with_waiting_entry(database: Database, entities: Iterable[str]) -> set[str]:
    """Return those of the entities that an entry is waiting for; all of them while a rebuild is waiting.

    An entry that is set aside excuses its own entity only: it is a violation by itself (`SetAside`).
    """
    wanted = set(entities)
    async with database.reads() as connection:
        rows = await doctor_queries.entries_of(connection, entity_ids=[EVERYTHING, *wanted])
    if any(row.kind == "rebuild" and row.crashes < MOST_CRASHES for row in rows):
        return wanted
    return {row.entity_id for row in rows}


async def entry(database: Database, kind: Kind, violations: Sequence[Violation]) -> None:
    """Have LanceDB look at these again."""
    await create_entries(database, kind, [(each.entity, each.uid) for each in violations])
