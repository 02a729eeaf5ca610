"""Marks excuse what LanceDB does not know yet; new ones have it put right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aimo.db.connection import Database
from aimo.db.queries import doctor as sql
from aimo.services.doctor.invariant import Violation
from aimo.services.sync.marks import Kind, write_many

# The entity of a mark that asks for everything to be rebuilt.
EVERYTHING = "all"


async def excused(database: Database, entities: Iterable[str]) -> set[str]:
    """Those of the entities that a mark is waiting for; all of them while a rebuild is waiting."""
    wanted = set(entities)
    async with database.reads() as connection:
        rows = (await connection.execute(sql.MARKED, {"entity_ids": [EVERYTHING, *wanted]})).all()
    if any(row.kind == "rebuild" for row in rows):
        return wanted
    return {row.entity_id for row in rows}


async def mark(database: Database, kind: Kind, violations: Sequence[Violation]) -> None:
    """Have LanceDB look at these again."""
    await write_many(database, kind, [(each.entity, each.uid) for each in violations])
