"""No row of LanceDB without a live memo or attachment of its user, once entries are drained."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aimo.db.connection import Database
from aimo.db.queries import doctor as doctor_queries
from aimo.services.doctor import outbox_entries as entries
from aimo.services.doctor.invariant import Scan, Violation
from aimo.services.sync.outbox import Kind
from aimo.vectors.owned_table import OwnedLanceTable
from aimo.vectors.store import VectorStore

_BATCH = 1000


class OrphanRows:
    """Asks the database for every row of the three tables, whether it lives and whose it is."""

    name = "no-orphan-rows"

    def __init__(self, database: Database, vectors: VectorStore) -> None:
        self._database = database
        self._tables: dict[str, OwnedLanceTable] = {
            table.name: table for table in (vectors.memo_vectors, vectors.memo_texts, vectors.attachment_vectors)
        }
        self._attachments = vectors.attachment_vectors.name

    async def look(self) -> AsyncIterator[Scan]:
        """Table by table, as they are at the beginning of each."""
        for name, table in self._tables.items():
            async for rows in table.ids(_BATCH):
                yield Scan(len(rows), await self._rows_without_owner(name, rows))

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Return the rows that still have no owner, are still there, and wait for nobody."""
        waiting = await entries.with_waiting_entry(self._database, {each.entity for each in suspects})
        found = []
        for name, table in self._tables.items():
            ids = [each.entity for each in suspects if each.evidence == name and each.entity not in waiting]
            present = await table.owners(ids)
            found += await self._rows_without_owner(name, present)
        return found

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Have LanceDB look at them: it deletes what is gone and rewrites what belongs to somebody else."""
        for kind, of_attachments in (("memo", False), ("attachment", True)):
            mine = [each for each in violations if (each.evidence == self._attachments) is of_attachments]
            await entries.entry(self._database, _KINDS[kind], list({each.entity: each for each in mine}.values()))
        return len(violations)

    async def _rows_without_owner(self, name: str, rows: Sequence[tuple[str, str]]) -> list[Violation]:
        if not rows:
            return []
        ids = list({row_id for row_id, _ in rows})
        async with self._database.reads() as connection:
            if name == self._attachments:
                owners = await doctor_queries.live_attachments(connection, attachment_ids=ids)
            else:
                owners = await doctor_queries.live_memos(connection, memo_ids=ids)
        return [
            Violation(row_id, uid, f"{name} has a row of {'another user' if row_id in owners else 'nobody'}", name)
            for row_id, uid in rows
            if owners.get(row_id) != uid
        ]


_KINDS: dict[str, Kind] = {"memo": "memo", "attachment": "attachment"}
