"""The two embedding caches, in the tables of the existing server (docs/contract/source-database.md#embedding-caches).

The legacy tables have a list size that never changes. When another dimension is configured, its rows
go to a second table named after the dimension (``embedding_cache_512``), and the old rows stay.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, Self, TypeVar

import numpy as np
import pyarrow as pa
from lancedb import AsyncConnection, AsyncTable
from lancedb.expr import col, lit

from aimo import clock
from aimo.vectors import schemas
from aimo.vectors.errors import report_failures_as
from aimo.vectors.hashes import MultimodalContent, content_hash
from aimo.vectors.schemas import TableLayout
from aimo.vectors.table import CHUNK, LanceTable, open_table
from aimo.vectors.vector_table import Vector, checked, vectors_of

_C = TypeVar("_C")


class Cache(LanceTable, Generic[_C]):
    """Vectors by the hashes of their model and content.

    The key of a row is ``modelHash`` and what `key_of` makes of the content. Rows may be there twice:
    the existing server inserted without looking, and the first one counts.
    """

    def __init__(self, connection: AsyncConnection, handle: AsyncTable, layout: TableLayout, dimension: int) -> None:
        super().__init__(connection, handle, layout)
        self.dimension = dimension

    @classmethod
    async def open(cls, connection: AsyncConnection, dimension: int) -> Self:
        """Open the cache for vectors of this dimension, or create it."""
        layout = cls._layout(dimension)
        handle = await open_table(connection, layout)
        with report_failures_as(f"reading {layout.name}"):
            stored: int = (await handle.schema()).field("embedding").type.list_size
        if stored != dimension:
            layout = cls._layout(dimension, f"{layout.name}_{dimension}")
            handle = await open_table(connection, layout)
        return cls(connection, handle, layout, dimension)

    @staticmethod
    @abstractmethod
    def _layout(dimension: int, name: str | None = None) -> TableLayout: ...

    @staticmethod
    @abstractmethod
    def _key_of(content: _C) -> tuple[str, ...]: ...

    async def get_many(self, model_hash: str, contents: Sequence[_C]) -> dict[_C, Vector]:
        """Return the vectors of those contents that are known to this model.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        wanted = {content: self._key_of(content) for content in contents}
        found: dict[tuple[str, ...], Vector] = {}
        hashes = list({key[0] for key in wanted.values()})
        for start in range(0, len(hashes), CHUNK):
            found |= await self._lookup(model_hash, hashes[start : start + CHUNK])
        return {content: found[key] for content, key in wanted.items() if key in found}

    async def put_many(self, model_hash: str, vectors: Mapping[_C, object]) -> None:
        """Add these vectors in one commit. Any process may do so, beside the others.

        Raises:
            ValueError: a vector has another length than the table's, or is not finite, or all zeros; nothing is added.
            VectorStoreError: LanceDB failed.
        """
        if not vectors:
            return
        keys = [(model_hash, *self._key_of(content)) for content in vectors]
        rows = [
            checked(vector, self.dimension, f"content {key[1]}")
            for key, vector in zip(keys, vectors.values(), strict=True)
        ]
        columns = {
            name: pa.array(values, pa.string())
            for name, values in zip(self.layout.key, zip(*keys, strict=True), strict=True)
        }
        columns["embedding"] = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(rows)), self.dimension)
        columns["createdAt"] = pa.array([clock.now_ms()] * len(keys), pa.timestamp("ms"))
        await self.add_rows(pa.table(columns, schema=self.layout.schema))

    async def prune(self, most: int) -> int:
        """Remove the oldest rows beyond this many, and return how many were; rows of one moment stay or go together.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        if await self.count_rows() <= most:
            return 0
        moments = (await self.read(self._handle.query().select(["createdAt"]))).column("createdAt").to_numpy()
        oldest = np.partition(moments, len(moments) - most)[len(moments) - most] if most else moments.max() + 1
        removed = int((moments < oldest).sum())
        if removed:
            older = col("createdAt") < lit(oldest.astype("datetime64[ms]").item())
            await self.write("pruning", lambda: self._handle.delete(older))
        return removed

    async def add_rows(self, rows: pa.Table) -> None:
        """Add rows in the table's own columns, as a migration copies them, in one commit.

        Raises:
            VectorStoreError: LanceDB failed, or the columns do not fit.
        """
        await self.write("writing to", lambda: self._handle.add(rows))

    async def _lookup(self, model_hash: str, hashes: list[str]) -> dict[tuple[str, ...], Vector]:
        # Only the content's hash is looked up: intersecting with the index of the model's hash would
        # first collect all rows of that model.
        columns = [*self.layout.key, "embedding"]
        rows = await self.read(self._handle.query().where(col("contentHash").isin(hashes)).select(columns))
        vectors = vectors_of(rows.column("embedding"))
        found: dict[tuple[str, ...], Vector] = {}
        keys = zip(*(rows.column(name).to_pylist() for name in self.layout.key), strict=True)
        for (row_model, *key), vector in zip(keys, vectors, strict=True):
            if row_model == model_hash and np.isfinite(vector).all() and vector.any():
                found.setdefault(tuple(key), vector)
        return found


class EmbeddingCache(Cache[str]):
    """Vectors of texts, keyed by the text exactly as it was embedded."""

    @staticmethod
    def _layout(dimension: int, name: str | None = None) -> TableLayout:
        return schemas.embedding_cache(dimension, name or "embedding_cache")

    @staticmethod
    def _key_of(content: str) -> tuple[str, ...]:
        return (content_hash(content),)


class MultimodalCache(Cache[MultimodalContent]):
    """Vectors of texts, images and videos."""

    @classmethod
    async def open(cls, connection: AsyncConnection, dimension: int) -> Self:
        """Open the cache for vectors of this dimension, or create it; the legacy table is created in any case."""
        await open_table(connection, cls._layout(schemas.LEGACY_MULTIMODAL_DIMENSION))
        return await super().open(connection, dimension)

    @staticmethod
    def _layout(dimension: int, name: str | None = None) -> TableLayout:
        return schemas.multimodal_cache(dimension, name or "multimodal_embedding_cache")

    @staticmethod
    def _key_of(content: MultimodalContent) -> tuple[str, ...]:
        return (content.hash, content.modality)
