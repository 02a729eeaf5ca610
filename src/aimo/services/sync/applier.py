"""Makes LanceDB agree with the rows that entries point at. It never waits for a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from aimo.db.connection import Database
from aimo.db.queries import attachments as attachment_queries
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries.attachments import AttachmentRow
from aimo.services.embedding.service import EmbeddingService
from aimo.services.sync.attachment_vectors import AttachmentVectors
from aimo.services.sync.outbox import OutboxEntry
from aimo.vectors.store import VectorStore
from aimo.vectors.text_table import TextTable
from aimo.vectors.vector_table import VectorTable


class ApplyResult(Enum):
    """What became of an entry."""

    APPLIED = "applied"
    NEEDS_VECTOR = "its text has no vector yet"
    WRONG_MODEL = "the vector table belongs to another model; `aimo sync rebuild` moves to the configured one"


class NotTheWriterError(Exception):
    """The lease ran out in the middle of the work; whoever has it by now does the rest."""


class Applier:
    """Applies groups of entries: one commit a table whatever their number. Only the writer process may use it.

    What it writes is read after the fence was raised, and LanceDB refuses it once another process has raised its own:
    so an old row never replaces a newer one, however long this process was paused in between.
    """

    def __init__(
        self,
        database: Database,
        vectors: VectorStore,
        embeddings: EmbeddingService,
        pictures: AttachmentVectors | None = None,
        *,
        holds_lease: Callable[[], bool] = lambda: True,
    ) -> None:
        """Without ``pictures`` attachments have no vectors."""
        self._holds_lease = holds_lease
        # A fence raised in the middle of a group would let in what the group had read before.
        self._alone = asyncio.Lock()
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings
        self._pictures = pictures

    @property
    def model_matches(self) -> bool:
        """Whether the vector table belongs to the configured embedder."""
        embedder = self._embeddings.embedder
        return self._vectors.memo_vectors.matches(embedder.model, embedder.dimension)

    async def apply(self, entries: Sequence[OutboxEntry]) -> list[ApplyResult]:
        """Apply what can be applied, remove those entries, and say what became of each.

        Texts are made findable even where the vector is still missing.

        Raises:
            NotTheWriterError: the lease ran out meanwhile; no entry was removed.
            FencedError: another process has become the writer; no entry was removed.
            VectorStoreError: LanceDB failed.
        """
        async with self._alone:
            await self._raise_fence_once()
            return await self._apply_alone(entries)

    async def become_writer(self) -> None:
        """Raise the fence where that has not been done, or has to be done again.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        async with self._alone:
            await self._raise_fence_once()

    async def _raise_fence_once(self) -> None:
        self._require_lease()
        if not self._vectors.is_writer:
            await self._vectors.raise_fence()

    def _require_lease(self) -> None:
        if not self._holds_lease():
            raise NotTheWriterError

    async def _apply_alone(self, entries: Sequence[OutboxEntry]) -> list[ApplyResult]:
        repeated = list({entry.entity_id for entry in entries if entry.kind == "replace"})
        if repeated:
            await asyncio.gather(self._vectors.memo_texts.delete(repeated), self._vectors.memo_vectors.delete(repeated))
        memo_ids = list({entry.entity_id for entry in entries if entry.kind in ("memo", "replace")})
        text_ids = list({entry.entity_id for entry in entries if entry.kind == "text"}.difference(memo_ids))
        attachment_ids = list({entry.entity_id for entry in entries if entry.kind == "attachment"})
        memos, attachments, _ = await asyncio.gather(
            self._apply_memos(memo_ids),
            self._apply_attachments(attachment_ids, self._pictures),
            self._apply_texts(text_ids),
        )
        waiting = {"memo": memos, "replace": memos, "attachment": attachments}
        results = [waiting.get(entry.kind, {}).get(entry.entity_id, ApplyResult.APPLIED) for entry in entries]
        done = [entry.entry_id for entry, result in zip(entries, results, strict=True) if result is ApplyResult.APPLIED]
        if done:
            self._require_lease()
            async with self._database.reads() as connection:
                await outbox_queries.delete_entries(connection, entry_ids=done)
        return results

    async def _apply_memos(self, memo_ids: list[str]) -> dict[str, ApplyResult]:
        """Bring texts and vectors of these memos up to date; return the ones that lack a vector, and why."""
        if not memo_ids:
            return {}
        async with self._database.reads() as connection:
            rows = await memo_queries.for_sync(connection, memo_ids=memo_ids)
        gone = list(set(memo_ids) - {row.memo_id for row in rows})
        known = await self._embeddings.cached([row.content for row in rows]) if self.model_matches else {}
        ready = [(row.memo_id, row.uid, known[row.content]) for row in rows if row.content in known]
        self._require_lease()
        await asyncio.gather(
            self._write_or_delete(
                self._vectors.memo_texts, [(row.memo_id, row.uid, row.content) for row in rows], gone
            ),
            self._write_or_delete(self._vectors.memo_vectors, ready, gone),
        )
        reason = ApplyResult.NEEDS_VECTOR if self.model_matches else ApplyResult.WRONG_MODEL
        return {row.memo_id: reason for row in rows if row.content not in known}

    async def _apply_texts(self, memo_ids: list[str]) -> None:
        """Bring the texts of these memos up to date."""
        if not memo_ids:
            return
        async with self._database.reads() as connection:
            rows = await memo_queries.for_sync(connection, memo_ids=memo_ids)
        gone = list(set(memo_ids) - {row.memo_id for row in rows})
        texts = [(row.memo_id, row.uid, row.content) for row in rows]
        self._require_lease()
        await self._write_or_delete(self._vectors.memo_texts, texts, gone)

    async def _apply_attachments(self, ids: list[str], pictures: AttachmentVectors | None) -> dict[str, ApplyResult]:
        """Bring vectors of these attachments up to date; return the ones that lack one, and why."""
        if not ids:
            return {}
        table = self._vectors.attachment_vectors
        wanted: dict[str, AttachmentRow] = {}
        if pictures is not None:
            async with self._database.reads() as connection:
                rows = await attachment_queries.for_sync(connection, attachment_ids=ids)
            wanted = {row.attachment_id: row for row in rows if pictures.should_embed(row)}
        self._require_lease()
        # Also what is not to be embedded any more would only be in the way.
        await table.delete([attachment_id for attachment_id in ids if attachment_id not in wanted])
        if pictures is None:
            return {}
        pictures.forget([attachment_id for attachment_id in ids if attachment_id not in wanted])
        if wanted and not await self._matches_model(table, pictures):
            return dict.fromkeys(wanted, ApplyResult.WRONG_MODEL)
        made = {known: vector for known in wanted if (vector := pictures.made(known)) is not None}
        if made:
            await table.upsert([(known, wanted[known].uid, vector) for known, vector in made.items()])
            async with self._database.reads() as connection:
                await attachment_queries.set_model_hash(
                    connection, attachment_ids=list(made), model_hash=pictures.embedder.model_hash
                )
            pictures.forget(list(made))
        return {known: ApplyResult.NEEDS_VECTOR for known in wanted if known not in made}

    @staticmethod
    async def _matches_model(table: VectorTable, pictures: AttachmentVectors) -> bool:
        """Return whether the table holds vectors of the configured model; an empty one is made to."""
        embedder = pictures.embedder
        if table.matches(embedder.model, embedder.dimension):
            return True
        await table.refresh()
        if not table.matches(embedder.model, embedder.dimension) and not await table.count():
            await table.recreate(embedder.model, embedder.dimension)
        return table.matches(embedder.model, embedder.dimension)

    @staticmethod
    async def _write_or_delete(table: VectorTable | TextTable, rows: list[Any], gone: list[str]) -> None:
        if gone:
            await table.delete(gone)
        if rows:
            await table.upsert(rows)
