"""Copies the embedding caches, so that nothing is embedded twice after the move.

See docs/decisions/29-migration-reads-only.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.copy.vector_copier import COPIED, LEFT_OUT, THERE
from aimo.legacy.hashing import hash_key
from aimo.legacy.plan.duplicates import duplicate_keys
from aimo.legacy.retry import with_retries
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.legacy.source.model_finder import dimension_of
from aimo.vectors.bulk_copy import append_rows, finite_vectors, rows_with
from aimo.vectors.embedding_caches import Cache
from aimo.vectors.legacy_source import SourceTable

_PAGE_BYTES = 12_000_000


class CacheCopier:
    """One cache. Of rows with the same key the first one counts, as it did for the old server."""

    def __init__(
        self, runs: Runs, run: Run, source: SourceTable, *, target: Cache[object] | None, appending: bool
    ) -> None:
        self.name = source.name
        self.source = source
        self._runs = runs
        self._run = run
        self._target = target
        self._appending = appending
        self.key = ["modelHash", "contentHash"] + ["modalityType"] * ("modalityType" in source.schema.names)
        self.columns = [*self.key, "embedding", *["createdAt"] * ("createdAt" in source.schema.names)]
        dimension = dimension_of(source, "embedding")
        # Vectors that are not all of one length never were a cache that anybody could use, nor were incomplete keys.
        complete = self.name != "multimodal_embedding_cache" or "modalityType" in self.key
        self._usable = dimension is not None and complete
        self._rows = max(64, min(20_000, _PAGE_BYTES // (4 * (dimension or 1536))))

    async def copy(self, progress: Progress) -> None:
        """Go on from where the run stands to the end."""
        first = await with_retries(lambda: self._runs.position(self._run, self.name))
        repeated = await duplicate_keys(self.source, *self.key)
        seen = await self._seen_before(first, repeated)
        progress.begin(self.name, self.source.rows, first)
        safe = False
        while first < self.source.rows:
            page = await read_with_nulls_for_lost(
                self.source, self.columns, first, min(self._rows, self.source.rows - first)
            )
            keys = list(zip(*(page.column(name).to_pylist() for name in self.key), strict=True))
            codes = self.plan(keys, repeated, seen)
            # No store takes NaN, and no cache ever answered with it.
            codes[~finite_vectors(page.column("embedding")) if self._usable else slice(None)] = LEFT_OUT
            if self._target is not None and self._usable:
                if not (self._appending and safe):
                    await self._leave_out_known(keys, codes)
                rows = page.filter(pa.array(codes == COPIED))
                await append_rows(self._target, self._shaped(rows))
            await with_retries(
                lambda first=first, codes=codes: self._checkpoint(first, codes)  # type: ignore[misc]
            )
            safe = True
            first += page.num_rows
            progress.advance(first)

    @staticmethod
    def plan(keys: list[tuple[Any, ...]], repeated: frozenset[bytes], seen: set[bytes]) -> Any:
        """Return a code for each row: copied, or left out because an earlier row has its key."""
        codes = np.full(len(keys), COPIED, dtype=np.uint8)
        for place, key in enumerate(keys):
            if not repeated and None not in key:
                continue
            digest = hash_key(*map(str, key))
            if digest in seen or None in key:
                codes[place] = LEFT_OUT
            elif digest in repeated:
                seen.add(digest)
        return codes

    async def _seen_before(self, end: int, repeated: frozenset[bytes]) -> set[bytes]:
        """Return the repeated keys that rows before ``end`` have."""
        seen: set[bytes] = set()
        for first in range(0, end if repeated else 0, 20_000):
            page = await read_with_nulls_for_lost(self.source, self.key, first, min(20_000, end - first))
            keys = zip(*(page.column(name).to_pylist() for name in self.key), strict=True)
            seen |= {hash_key(*map(str, key)) for key in keys} & repeated
        return seen

    async def _leave_out_known(self, keys: list[tuple[Any, ...]], codes: Any) -> None:
        assert self._target is not None
        hashes = list({key[1] for key, code in zip(keys, codes, strict=True) if code == COPIED})
        held = await rows_with(self._target, "contentHash", hashes, self.key)
        known = set(zip(*(held.column(name).to_pylist() for name in self.key), strict=True))
        for place, key in enumerate(keys):
            if codes[place] == COPIED and key in known:
                codes[place] = THERE

    def _shaped(self, rows: pa.Table) -> pa.Table:
        """Return the rows in the columns of the target."""
        assert self._target is not None
        schema = self._target.layout.schema
        columns = []
        for field in schema:
            column = moments(rows) if field.name == "createdAt" else rows.column(field.name)
            if pa.types.is_fixed_size_list(field.type):
                flat = column.combine_chunks().flatten()
                columns.append(pa.FixedSizeListArray.from_arrays(flat, field.type.list_size))
            else:
                columns.append(column.cast(field.type))
        return pa.table(columns, schema=schema)

    async def _checkpoint(self, first: int, codes: Any) -> None:
        if await self._runs.position(self._run, self.name) <= first:
            await self._runs.checkpoint(
                self._run, self.name, first, ledger=codes.tobytes(), count=len(codes), details=None
            )


def moments(rows: pa.Table) -> pa.ChunkedArray:
    """When these rows of a cache were made; 1970 where nobody knows."""
    if "createdAt" not in rows.column_names:
        return pa.chunked_array([pa.array([0] * rows.num_rows, pa.timestamp("ms"))])
    return rows.column("createdAt").cast(pa.timestamp("ms")).fill_null(0)
