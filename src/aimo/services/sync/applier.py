"""Makes LanceDB agree with the rows that marks point at. It never waits for a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Any

from aimo.db.connection import Database
from aimo.db.queries import memos as memo_sql
from aimo.db.queries import outbox
from aimo.services.embeddings import EmbeddingService
from aimo.services.sync.marks import Mark
from aimo.vectors.store import VectorStore
from aimo.vectors.text_table import TextTable
from aimo.vectors.vector_table import VectorTable


class Result(Enum):
    """What became of a mark."""

    APPLIED = "applied"
    NEEDS_VECTOR = "its text has no vector yet"
    WRONG_MODEL = "the vector table belongs to another model; `aimo sync rebuild` moves to the configured one"


class Applier:
    """Applies groups of marks: one commit a table whatever their number. Only the writer process may use it."""

    def __init__(self, database: Database, vectors: VectorStore, embeddings: EmbeddingService) -> None:
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings

    @property
    def model_matches(self) -> bool:
        """Whether the vector table belongs to the configured embedder."""
        embedder = self._embeddings.embedder
        return self._vectors.memo_vectors.matches(embedder.model, embedder.dimension)

    async def apply(self, marks: Sequence[Mark]) -> list[Result]:
        """Apply what can be applied, remove those marks, and say what became of each.

        Texts are made findable even where the vector is still missing.
        """
        memo_ids = list({mark.entity_id for mark in marks if mark.kind == "memo"})
        waiting, _ = await asyncio.gather(
            self._apply_memos(memo_ids),
            # Nothing embeds attachments here, so their rows in LanceDB can only be in the way.
            self._vectors.attachment_vectors.delete([m.entity_id for m in marks if m.kind == "attachment"]),
        )
        results = [waiting.get(mark.entity_id, Result.APPLIED) for mark in marks]
        done = [mark.mark_id for mark, result in zip(marks, results, strict=True) if result is Result.APPLIED]
        if done:
            async with self._database.reads() as connection:
                await connection.execute(outbox.DELETE, {"mark_ids": done})
        return results

    async def _apply_memos(self, memo_ids: list[str]) -> dict[str, Result]:
        """Bring texts and vectors of these memos up to date; return the ones that lack a vector, and why."""
        if not memo_ids:
            return {}
        async with self._database.reads() as connection:
            rows = (await connection.execute(memo_sql.FOR_SYNC, {"memo_ids": memo_ids})).all()
        gone = list(set(memo_ids) - {row.memo_id for row in rows})
        known = await self._embeddings.cached([row.content for row in rows]) if self.model_matches else {}
        ready = [(row.memo_id, row.uid, known[row.content]) for row in rows if row.content in known]
        await asyncio.gather(
            self._agree(self._vectors.memo_texts, [(row.memo_id, row.uid, row.content) for row in rows], gone),
            self._agree(self._vectors.memo_vectors, ready, gone),
        )
        reason = Result.NEEDS_VECTOR if self.model_matches else Result.WRONG_MODEL
        return {row.memo_id: reason for row in rows if row.content not in known}

    @staticmethod
    async def _agree(table: VectorTable | TextTable, rows: list[Any], gone: list[str]) -> None:
        if gone:
            await table.delete(gone)
        if rows:
            await table.upsert(rows)
