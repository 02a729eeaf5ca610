"""Compares LanceDB's tables with the source: vectors bit for bit, texts, caches, and rankings of searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.folding import fold
from aimo.legacy.copy.cache_copier import CacheCopier, moments
from aimo.legacy.copy.lance_stage import cache_for
from aimo.legacy.copy.progress import Progress
from aimo.legacy.copy.runs import Run, Runs
from aimo.legacy.copy.separate_vectors import has_vector_column, read_with_owner
from aimo.legacy.copy.vector_copier import COPIED, THERE
from aimo.legacy.source.damaged_reads import read_with_nulls_for_lost
from aimo.legacy.verify.sample_searches import SampleSearches
from aimo.legacy.verify.verification_result import Mismatch, TableCheck, Verification
from aimo.vectors.bulk_copy import rows_with, same_bits, usable_vectors
from aimo.vectors.legacy_source import LegacySource, SourceTable
from aimo.vectors.owned_table import OwnedLanceTable
from aimo.vectors.store import VectorStore
from aimo.vectors.table import LanceTable

_PAGE_BYTES = 4_000_000
_TEXT_ROWS = 2000
_SEARCHES = 12


class LanceVerifier:
    """The LanceDB side of a verification."""

    def __init__(
        self,
        database: Database,
        vectors: VectorStore,
        runs: Runs,
        run: Run,
        source: LegacySource,
        *,
        result: Verification,
    ) -> None:
        self._database = database
        self._vectors = vectors
        self._runs = runs
        self._run = run
        self._source = source
        self._result = result
        # Rows that people changed since the move, and whether they did anything: then rankings are other ones.
        self.changed_keys: set[str] = set()
        self.used = False

    async def verify(self, progress: Progress) -> None:
        """Compare every table that the run filled."""
        tables = self._source.tables
        if "memos" in self._run.versions:
            await self._texts(tables["memos"], progress)
            place = "memos" if has_vector_column(tables["memos"], "embedding") else "memo_vectors"
            if self._run.plan["model"]["copied"] and place in self._run.versions:
                searches = await self._questions(tables[place])
                await self._vectors_of(tables[place], "memo_vectors", "embedding", progress, searches)
                if not self.used:
                    await searches.compare(self._vectors.memo_vectors, self._result)
        if "attachments" in self._run.versions:
            column = "multimodalEmbedding"
            place = "attachments" if has_vector_column(tables["attachments"], column) else "attachment_vectors"
            if place in self._run.versions:
                await self._vectors_of(tables[place], "attachment_vectors", column, progress)
        for name in ("embedding_cache", "multimodal_embedding_cache"):
            if name in self._run.versions:
                await self._cache(tables[name], progress)

    async def _codes(self, name: str, first: int, count: int) -> Any:
        packed = await self._runs.ledger_of(self._run, name, first, count, 1)
        codes = np.frombuffer(packed, dtype=np.uint8)
        return codes if len(codes) == count else np.zeros(count, dtype=np.uint8)

    async def _vectors_of(
        self, source: SourceTable, name: str, column: str, progress: Progress, searches: SampleSearches | None = None
    ) -> None:
        target: Any = getattr(self._vectors, name)
        if await self._runs.position(self._run, name) < source.rows:
            return
        check = self._result.begin(name)
        key = target.id_column
        rows = max(64, min(20_000, _PAGE_BYTES // (4 * target.dimension)))
        progress.begin(f"verify {name}", source.rows)
        for first in range(0, source.rows, rows):
            count = min(rows, source.rows - first)
            codes = await self._codes(name, first, count)
            wanted = pa.array((codes == COPIED) | (codes == THERE))
            page = (await read_with_owner(self._database, source, [key, "uid", column], first, count)).filter(wanted)
            usable, vectors = usable_vectors(page.column(column), target.dimension)
            page = page.filter(pa.array(usable))
            if searches is not None:
                searches.see(page.column(0).to_pylist(), page.column("uid").to_pylist(), vectors)
            await self._compare(target, page.select([key, "uid"]), check, vectors=vectors, column=column)
            progress.advance(first + count)
        await self._orphans(target, check)

    async def _texts(self, memos: SourceTable, progress: Progress) -> None:
        check = self._result.begin("memo_texts")
        progress.begin("verify memo_texts", memos.rows)
        for first in range(0, memos.rows, _TEXT_ROWS):
            count = min(_TEXT_ROWS, memos.rows - first)
            codes = await self._codes("memo_texts", first, count)
            wanted = pa.array((codes == COPIED) | (codes == THERE))
            page = (await read_with_nulls_for_lost(memos, ["memoId", "uid", "content"], first, count)).filter(wanted)
            texts = [fold(text or "") for text in page.column("content").to_pylist()]
            await self._compare(self._vectors.memo_texts, page.select(["memoId", "uid"]), check, texts=texts)
            progress.advance(first + count)
        await self._orphans(self._vectors.memo_texts, check)

    async def _compare(
        self,
        target: OwnedLanceTable,
        page: pa.Table,
        check: TableCheck,
        *,
        vectors: pa.FixedSizeListArray | None = None,
        column: str = "content",
        texts: list[str] | None = None,
    ) -> None:
        """Compare one page: each row once in the target, with the same owner and the same vector or text."""
        key = target.id_column
        keys, owners = page.column(key).to_pylist(), page.column("uid").to_pylist()
        found = await rows_with(target, key, keys, [key, "uid", column])
        places: dict[str, int] = {}
        for place, row_id in enumerate(found.column(key).to_pylist()):
            if row_id in places:
                self._differ(check, row_id, key, "duplicate")
            places[row_id] = place
        check.chunks += 1
        check.expected += len(keys)
        check.found += len(places)
        for row_id in keys:
            if row_id not in places:
                self._differ(check, row_id, key, "missing", row_id)
        there = [i for i, row_id in enumerate(keys) if row_id in places]
        found = found.take(pa.array([places[keys[i]] for i in there], pa.int64()))
        for i, uid in zip(there, found.column("uid").to_pylist(), strict=True):
            if uid != owners[i]:
                self._differ(check, keys[i], "uid", "differs", owners[i], uid)
        if vectors is not None:
            same = same_bits(vectors.take(pa.array(there, pa.int64())), found.column(column))
            for wrong in np.flatnonzero(~same).tolist():
                self._differ(check, keys[there[wrong]], column, "differs")
        if texts is not None:
            for i, text in zip(there, found.column(column).to_pylist(), strict=True):
                if text != texts[i]:
                    self._differ(check, keys[i], column, "differs", texts[i][:200], text[:200])

    async def _orphans(self, target: OwnedLanceTable, check: TableCheck) -> None:
        """Find rows of LanceDB whose memo or attachment the database does not have."""
        if target.name == "attachment_vectors":
            return
        async for rows in target.ids(batch=1000):
            async with self._database.reads() as connection:
                found = await connection.execute(sql.MEMOS, {"keys": [row_id for row_id, _ in rows]})
                known = {row.memo_id for row in found}
            for row_id, _ in rows:
                if row_id not in known:
                    self._differ(check, row_id, target.id_column, "extra", None, row_id)

    async def _cache(self, source: SourceTable, progress: Progress) -> None:
        target = await cache_for(self._vectors, source)
        if target is None:
            return
        check = self._result.begin(source.name)
        copier = CacheCopier(self._runs, self._run, source, target=target, appending=False)
        rows = max(64, min(20_000, _PAGE_BYTES // (4 * target.dimension)))
        progress.begin(f"verify {source.name}", source.rows)
        for first in range(0, source.rows, rows):
            count = min(rows, source.rows - first)
            codes = await self._codes(source.name, first, count)
            wanted = pa.array((codes == COPIED) | (codes == THERE))
            page = (await read_with_nulls_for_lost(source, copier.columns, first, count)).filter(wanted)
            await self._compare_cache(target, page, copier.key, check, exact=codes[wanted.to_numpy(False)] == COPIED)
            progress.advance(first + count)

    async def _compare_cache(
        self, target: LanceTable, page: pa.Table, key: list[str], check: TableCheck, *, exact: Any
    ) -> None:
        hashes = list(dict.fromkeys(page.column("contentHash").to_pylist()))
        found = await rows_with(target, "contentHash", hashes, [*key, "embedding", "createdAt"])
        keys = list(zip(*(page.column(name).to_pylist() for name in key), strict=True))
        places: dict[tuple[Any, ...], int] = {}
        for place, one in enumerate(zip(*(found.column(name).to_pylist() for name in key), strict=True)):
            places.setdefault(one, place)
        check.chunks += 1
        check.expected += len(keys)
        there = [i for i, one in enumerate(keys) if one in places]
        check.found += len(there)
        for one in keys:
            if one not in places:
                self._differ(check, "/".join(one), "contentHash", "missing", one[1])
        found = found.take(pa.array([places[keys[i]] for i in there], pa.int64()))
        mine = page.take(pa.array(there, pa.int64()))
        same = same_bits(mine.column("embedding"), found.column("embedding"))
        times = [moments(one).cast(pa.int64()).to_pylist() for one in (mine, found)]
        for place, i in enumerate(there):
            if exact[i] and not same[place]:
                self._differ(check, "/".join(keys[i]), "embedding", "differs")
            if exact[i] and times[0][place] != times[1][place]:
                self._differ(check, "/".join(keys[i]), "createdAt", "differs", times[0][place], times[1][place])

    async def _questions(self, source: SourceTable) -> SampleSearches:
        """Return the neighbours of some memos that were copied, from everywhere in the table."""
        searches = SampleSearches()
        columns = ["memoId", "uid", "embedding"]
        for first in range(0, source.rows, max(1, source.rows // _SEARCHES)):
            if (await self._codes("memo_vectors", first, 1) == COPIED).all():
                row = (await read_with_owner(self._database, source, columns, first, 1)).to_pylist()[0]
                searches.ask(row["memoId"], row["uid"], row["embedding"])
        return searches

    def _differ(self, check: TableCheck, key: str, column: str, problem: str, *values: Any) -> None:
        """``values``: the expected one, and the one that was found."""
        found = Mismatch(check.table, key, column, problem, *values)
        (self._result.change if key in self.changed_keys else self._result.differ)(found)
