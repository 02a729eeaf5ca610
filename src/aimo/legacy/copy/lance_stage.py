"""The stages that fill LanceDB: caches, texts, vectors, and their indexes."""

from __future__ import annotations

from typing import Any

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.transaction import transaction
from aimo.errors import ConfigurationError
from aimo.legacy.copy.cache_copier import CacheCopier
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.copy.separate_vectors import has_vector_column
from aimo.legacy.copy.vector_copier import OutboxCopier, PageCopier, SeparateVectorCopier, TextCopier, VectorCopier
from aimo.legacy.copy.waiting_entries import enqueue
from aimo.legacy.source.model_finder import dimension_of
from aimo.vectors.bulk_copy import index_rows, rows_with
from aimo.vectors.embedding_caches import Cache
from aimo.vectors.legacy_source import LegacySource, SourceTable
from aimo.vectors.owned_table import OwnedLanceTable
from aimo.vectors.schemas import LEGACY_MULTIMODAL_DIMENSION
from aimo.vectors.store import VectorStore

_PAGE = 1000


class LanceStage:
    """All LanceDB tables of one run; ``vectors`` is None where only the source is to be checked."""

    def __init__(
        self, database: Database, runs: Runs, run: Run, source: LegacySource, *, vectors: VectorStore | None
    ) -> None:
        self._database = database
        self._runs = runs
        self._run = run
        self._source = source
        self._vectors = vectors

    async def copy_all(self, progress: Progress) -> None:
        """Fill every table of the plan, then index what was filled.

        Raises:
            ConfigurationError: the target holds vectors of another model.
            VectorStoreError: LanceDB failed.
        """
        if self._vectors:
            await self._vectors.raise_fence()
        await self._prepare_vector_table()
        for name in ("embedding_cache", "multimodal_embedding_cache"):
            if name in self._run.versions and self._source.tables[name].rows:
                await self._copy_cache(self._source.tables[name], progress)
        copiers: list[PageCopier] = []
        if memos := self._table("memos"):
            copiers += [TextCopier(*self._places, memos, **self._into("memo_texts")), self._memo_vectors(memos)]
        if attachments := self._table("attachments"):
            copiers += self._attachment_vectors(attachments)
        for copier in copiers:
            await copier.copy(progress)
        if memos and "memo_vectors" in self._run.versions and self._vectors:
            await self._enqueue_memos_without_vectors()
        if memos and self._vectors:
            await self._remove_trashed(self._vectors)
        await self._index(progress)

    @property
    def _places(self) -> tuple[Database, Runs, Run]:
        return self._database, self._runs, self._run

    def _table(self, name: str) -> SourceTable | None:
        return self._source.tables[name] if name in self._run.versions else None

    def _into(self, name: str) -> dict[str, Any]:
        table: OwnedLanceTable | None = getattr(self._vectors, name) if self._vectors else None
        return {"target": table, "appending": f"lance:{name}" in self._run.plan["empty"]}

    async def _prepare_vector_table(self) -> None:
        """See that the table of vectors belongs to the model that is coming."""
        if self._vectors is None or "memos" not in self._run.versions:
            return
        model, table = self._run.plan["model"], self._vectors.memo_vectors
        if table.matches(model["name"], model["dimension"]):
            return
        if await table.count():
            raise ConfigurationError(
                f"The target's vectors were made by {table.model}:{table.dimension}, those of the source by "
                f"{model['name']}:{model['dimension']}: give --reembed, or point LANCEDB_PATH to an empty folder."
            )
        await table.recreate(model["name"], model["dimension"])

    async def _copy_cache(self, source: SourceTable, progress: Progress) -> None:
        target = await cache_for(self._vectors, source)
        appending = (
            f"lance:{source.name}" in self._run.plan["empty"] and target is not None and target.name == source.name
        )
        await CacheCopier(self._runs, self._run, source, target=target, appending=appending).copy(progress)

    def _memo_vectors(self, memos: SourceTable) -> PageCopier:
        model = self._run.plan["model"]
        options: dict[str, Any] = {"name": "memo_vectors", "dimension": model["dimension"], "optional": False}
        options |= {"column": "embedding", **self._into("memo_vectors")}
        if not model["copied"]:
            return OutboxCopier(*self._places, memos, **options)
        if has_vector_column(memos, "embedding"):
            return VectorCopier(*self._places, memos, **options)
        if separate := self._table("memo_vectors"):
            return SeparateVectorCopier(*self._places, separate, **options)
        return OutboxCopier(*self._places, memos, **options)

    def _attachment_vectors(self, attachments: SourceTable) -> list[PageCopier]:
        place = attachments
        copier: type[VectorCopier] = VectorCopier
        if not has_vector_column(attachments, "multimodalEmbedding"):
            separate = self._table("attachment_vectors")
            if separate is None or not has_vector_column(separate, "multimodalEmbedding"):
                return []
            place, copier = separate, SeparateVectorCopier
        if self._vectors:
            # Vectors of another length than the target's get outbox entries.
            dimension = self._vectors.attachment_vectors.dimension
        else:
            dimension = dimension_of(place, "multimodalEmbedding") or LEGACY_MULTIMODAL_DIMENSION
        options: dict[str, Any] = {"name": "attachment_vectors", "dimension": dimension, "optional": True}
        options |= {"column": "multimodalEmbedding", **self._into("attachment_vectors")}
        return [copier(*self._places, place, **options)]

    async def _enqueue_memos_without_vectors(self) -> None:
        """Enqueue the memos for which the separate table had no vector."""
        assert self._vectors
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = (await connection.execute(sql.MEMOS_AFTER, {"after": after, "limit": _PAGE})).all()
            if not rows:
                return
            after = rows[-1].memo_id
            table = self._vectors.memo_vectors
            held = await rows_with(table, "memoId", [row.memo_id for row in rows], ["memoId"])
            lacking = {row.memo_id: row.uid for row in rows}
            for key in held.column("memoId").to_pylist():
                lacking.pop(key, None)
            async with transaction(self._database, "migration.entries") as connection:
                await enqueue(connection, "memo", lacking)

    async def _remove_trashed(self, vectors: VectorStore) -> None:
        """Remove what LanceDB has of memos that went to the trash since an earlier run brought them."""
        tables = (vectors.memo_texts, vectors.memo_vectors)
        filled = [table for table in tables if f"lance:{table.name}" not in self._run.plan["empty"]]
        after = ""
        while filled:
            async with self._database.reads() as connection:
                rows = (await connection.execute(sql.TRASHED_AFTER, {"after": after, "limit": _PAGE})).all()
            if not rows:
                return
            after = rows[-1].memo_id
            for table in filled:
                await table.delete([row.memo_id for row in rows])

    async def _index(self, progress: Progress) -> None:
        if self._vectors is None:
            return
        tables = list(self._vectors.tables)
        progress.begin("indexes", len(tables))
        for done, table in enumerate(tables, 1):
            await index_rows(table)
            progress.advance(done)


async def cache_for(vectors: VectorStore | None, source: SourceTable) -> Cache[Any] | None:
    """Return the cache of the target that takes the rows of a source cache: the one for vectors of that length."""
    dimension = dimension_of(source, "embedding")
    if vectors is None or dimension is None:
        return None
    for cache in (vectors.embedding_cache, vectors.multimodal_cache):
        if cache.name == source.name and cache.dimension == dimension:
            return cache
    return await vectors.cache_for(source.name, dimension)
