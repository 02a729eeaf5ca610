"""Vectors with their owner: nearest neighbours of one user's rows, by cosine similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lancedb import AsyncConnection, AsyncTable
from lancedb.expr import col, lit

from aimo.vectors.errors import report_failures_as
from aimo.vectors.fence import Fence, fence_row
from aimo.vectors.owned_table import OwnedLanceTable, owned_by
from aimo.vectors.schemas import MODEL_KEY, TableLayout, vector_layout
from aimo.vectors.table import SEARCH_SECONDS, open_table

Vector = npt.NDArray[np.float32]

# A user's rows can lie in any partition of the index: with 37 partitions, probing 20 of them found
# .77 of what a small user should get, probing all found everything, for 4 ms more.
_PROBES = 1024
# The index ranks by four bits a number, which finds .95 of the ten nearest; this many times the rows
# asked for are then compared exactly. A long list needs fewer spares, and each costs a read.
_REFINE = 10
_REFINED_ROWS = 2000

_BATCH = 4096


class Hit(NamedTuple):
    """A row that was found; the similarity is the cosine, with negative ones as 0."""

    id: str
    similarity: float


class VectorTable(OwnedLanceTable):
    """Vectors of one model. The table itself remembers which, in the metadata of its schema."""

    def __init__(
        self, connection: AsyncConnection, handle: AsyncTable, layout: TableLayout, fence: Fence, schema: pa.Schema
    ) -> None:
        super().__init__(connection, handle, layout, fence)
        self.model: str | None = None
        self.dimension = 0
        self._remember(schema)

    @classmethod
    async def open(cls, connection: AsyncConnection, layout: TableLayout, fence: Fence) -> VectorTable:
        """Open the table, or create it for the model and dimension of the layout.

        A table that exists keeps its own model and dimension: see `matches`.
        """
        handle = await open_table(connection, layout)
        with report_failures_as(f"reading {layout.name}"):
            return cls(connection, handle, layout, fence, await handle.schema())

    def matches(self, model: str, dimension: int) -> bool:
        """Return whether the vectors come from this model and have this dimension, as far as this process knows."""
        return (self.model, self.dimension) == (model, dimension)

    async def refresh(self) -> None:
        """Look again which model the table belongs to: another process may have recreated it."""
        with report_failures_as(f"reading {self.name}"):
            self._remember(await self._handle.schema())

    async def recreate(self, model: str, dimension: int) -> None:
        """Empty the table for another model, atomically: readers see the old rows or none.

        Raises:
            FencedError: another process has become the writer; the table is as it was.
            VectorStoreError: LanceDB failed.
        """
        token = self.write_token()
        layout = vector_layout(self.name, self.id_column, self.vector_column, model=model, dimension=dimension)

        async def work() -> None:
            # LanceDB lets whoever overwrites a table win: only this look comes before it.
            await self.require_fence(token)
            await self._overwrite(layout, fence_row(layout.schema, token))

        await self.write("recreating", work)

    async def _overwrite(self, layout: TableLayout, rows: pa.Table | None = None) -> None:
        await super()._overwrite(layout, rows)
        self._remember(layout.schema)

    @property
    def vector_column(self) -> str:
        """The column with the vectors."""
        assert self.layout.vector is not None
        return self.layout.vector

    async def upsert(self, rows: Sequence[tuple[str, str, object]]) -> None:
        """Write ``(id, uid, vector)`` in one commit; rows with a known id are replaced, of equal ids the last counts.

        Raises:
            ValueError: a vector has another length than the table's, or is not finite, or all zeros;
                the text names its id, and nothing is written.
            FencedError: another process has become the writer; nothing was written.
            VectorStoreError: LanceDB failed. Writing the same rows again is safe.
        """
        latest = {row[0]: row for row in rows}
        if not latest:
            return
        vectors = np.stack([checked(vector, self.dimension, row_id) for row_id, _, vector in latest.values()])
        await self.upsert_arrays(list(latest), [uid for _, uid, _ in latest.values()], vectors)

    async def upsert_arrays(self, ids: Sequence[str], uids: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """Do the same for many rows at once: ``vectors`` is ``[n, dimension]``, the ids are distinct.

        Raises:
            ValueError: as for `upsert`, or the ids repeat.
            VectorStoreError: as for `upsert`.
        """
        token = self.write_token()
        if len(set(ids)) != len(ids):
            raise ValueError("the ids of one group must be distinct")
        if vectors.shape != (len(ids), self.dimension):
            raise ValueError(f"vectors of shape {vectors.shape} do not fit {len(ids)} ids and {self.dimension} columns")
        flat = np.ascontiguousarray(vectors, dtype=np.float32)
        usable = _has_direction(flat)
        if not usable.all():
            raise ValueError(f"the vector of {ids[int(np.argmin(usable))]} is not finite or has no direction")
        rows = pa.table(
            {
                self.id_column: pa.array(ids, pa.string()),
                "uid": pa.array(uids, pa.string()),
                self.vector_column: pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), self.dimension),
            },
            schema=vector_layout(
                self.name, self.id_column, self.vector_column, model=None, dimension=self.dimension
            ).schema,
        )
        await self.write("writing to", lambda: self.merge(rows, token))

    async def vectors(self, ids: Sequence[str]) -> list[tuple[str, str, Vector]]:
        """``(id, uid, vector)`` of the rows with these ids, as many as there are.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        columns = ["uid", self.vector_column]
        return [(row_id, uid, vector) async for row_id, uid, vector in self._rows_of(ids, columns)]

    async def search(self, uid: str, vector: Any, limit: int, *, exclude: str | None = None) -> list[Hit]:
        """Return the user's rows nearest to the vector, best first, at most ``limit``, without the id ``exclude``.

        Equals are in the order of their ids, so that a longer list begins with the shorter one.
        Exact while the table has no vector index; with one, at least .95 of the ten nearest are found.

        Raises:
            ValueError: the vector does not fit the table.
            VectorStoreError: LanceDB failed.
        """
        target = checked(vector, self.dimension, "the query")
        if limit < 1:
            return []
        condition = owned_by(uid)
        if exclude is not None:
            condition = condition & (col(self.id_column) != lit(exclude))
        asked = limit + 1
        while True:
            refine = max(2, min(_REFINE, _REFINED_ROWS // asked))
            query = self._nearest(target, condition, asked).nprobes(_PROBES).refine_factor(refine)
            ranked = _ranked(await self.read(query, SEARCH_SECONDS), self.id_column)
            # LanceDB cuts anywhere among equals, and a longer list somewhere else: all of them, or none, must be known.
            if len(ranked) < asked or ranked[limit - 1][0] != ranked[-1][0]:
                return [Hit(row_id, min(max(1.0 - distance, 0.0), 1.0)) for distance, row_id in ranked[:limit]]
            asked *= 4

    async def similarities(self, uid: str, vector: object) -> dict[str, float]:
        """Return the similarity of every row of the user, exact, in no particular order.

        The rows are read and compared here: LanceDB's own flat search would also sort them, which takes
        two to three times as long (20,000 rows of 512 numbers: 137 ms against 44).

        Raises:
            ValueError: the vector does not fit the table.
            VectorStoreError: LanceDB failed.
        """
        target = checked(vector, self.dimension, "the query")
        direction = target / np.linalg.norm(target)
        columns = [self.id_column, self.vector_column]
        found: dict[str, float] = {}
        query = self._handle.query().where(owned_by(uid)).select(columns)
        async for rows in self.batches(query, _BATCH, SEARCH_SECONDS):
            vectors = vectors_of(rows.column(self.vector_column))
            lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            cosines = np.clip(vectors @ direction / lengths, 0.0, 1.0)
            found.update(zip(rows.column(self.id_column).to_pylist(), cosines.tolist(), strict=True))
        return found

    async def get(self, uid: str, row_id: str) -> Vector | None:
        """Return the user's vector with this id, as it was written."""
        condition = owned_by(uid) & (col(self.id_column) == lit(row_id))
        rows = await self.read(self._handle.query().where(condition).select([self.vector_column]).limit(1))
        return vectors_of(rows.column(self.vector_column))[0] if rows.num_rows else None

    def _nearest(self, target: Vector, condition: Any, limit: int) -> Any:
        query = self._handle.query().where(condition).nearest_to(target).column(self.vector_column)
        return query.distance_type("cosine").select([self.id_column, "_distance"]).limit(limit)

    def _remember(self, schema: pa.Schema) -> None:
        name = (schema.metadata or {}).get(MODEL_KEY)
        self.model = name.decode() if name else None
        self.dimension = schema.field(self.vector_column).type.list_size


def checked(vector: object, dimension: int, owner: str) -> Vector:
    """Return the vector as float32.

    Raises:
        ValueError: it has another length, is not finite, or all zeros; the text names ``owner``.
    """
    with np.errstate(over="ignore"):
        array: Vector = np.asarray(vector, dtype=np.float32)
    if array.shape != (dimension,):
        raise ValueError(f"the vector of {owner} has shape {array.shape}, not ({dimension},)")
    if not _has_direction(array[np.newaxis]).all():
        raise ValueError(f"the vector of {owner} is not finite or has no direction")
    return array


def _has_direction(vectors: Vector) -> npt.NDArray[np.bool_]:
    """Return which vectors have a finite length other than 0: a cosine needs one."""
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
    measurable: npt.NDArray[np.bool_] = np.isfinite(squares) & (squares > 0)
    return measurable


def vectors_of(column: Any) -> Vector:
    """Return a column of vectors as ``[n, dimension]``."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat: Vector = array.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(array), array.type.list_size)


def _ranked(rows: pa.Table, id_column: str) -> list[tuple[float, str]]:
    distances = rows.column("_distance").to_pylist()
    return sorted(zip(distances, rows.column(id_column).to_pylist(), strict=True))
