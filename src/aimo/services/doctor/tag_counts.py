"""A tag's usage count is the number of memos that carry it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.connection import Database
from aimo.db.queries import doctor as doctor_queries
from aimo.db.queries.doctor import CountedTag
from aimo.db.transaction import atomically
from aimo.services.doctor.invariant import Scan, Violation

_BATCH = 500


class TagCounts:
    """Count and carriers of a tag are read by one statement, so that it sees both of one moment."""

    name = "tag-counts"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> AsyncIterator[Scan]:
        """Yield all tags in the order of their ids."""
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = await doctor_queries.tags_after(connection, after=after, limit=_BATCH)
            if not rows:
                return
            after = rows[-1].tag_id
            yield Scan(len(rows), _miscounted(rows))

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Count again."""
        async with self._database.reads() as connection:
            rows = await doctor_queries.tags_by_id(connection, tag_ids=[each.entity for each in suspects])
        return _miscounted(rows)

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Count again while nobody else can count."""
        for each in violations:

            async def work(connection: AsyncConnection, each: Violation = each) -> None:
                await recount(connection, each.uid, each.entity)

            await atomically(self._database, "doctor.tag_counts", work, user=each.uid, entity=each.entity)
        return len(violations)


async def recount(connection: AsyncConnection, uid: str, tag_id: str) -> None:
    """Set a tag's count in the caller's transaction; whoever tags a memo locks the tag as well."""
    await doctor_queries.lock_tag(connection, owner=uid, tag_id=tag_id)
    carriers = await doctor_queries.count_carriers(connection, owner=uid, tag_id=tag_id)
    await doctor_queries.set_usage(connection, owner=uid, tag_id=tag_id, carriers=carriers)


def _miscounted(rows: Sequence[CountedTag]) -> list[Violation]:
    return [
        Violation(row.tag_id, row.uid, f"counts {row.usage_count} memos, {row.carriers} carry it")
        for row in rows
        if row.usage_count != row.carriers
    ]
