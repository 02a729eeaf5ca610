"""LanceDB by hand: the same queries on its own handles, and one writer that takes what waits in one commit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.expr import col, lit

from aimo.config import Settings
from aimo.folding import fold
from aimo.vectors.hashes import content_hash

_COLUMNS = ["memoId", "_distance"]
_OPTIMIZE_AFTER = 64


class Lance:
    """The tables of memos, and the cached vectors."""

    def __init__(self, vectors: Any, texts: Any, cache: Any) -> None:
        self._vectors, self._texts, self._cache = vectors, texts, cache
        self._known: dict[str, Any] = {}
        self._waiting: list[tuple[tuple[str, str, str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._commits = 0

    @classmethod
    async def open(cls, settings: Settings) -> Lance:
        """Open the tables that AIMO made."""
        connection = await lancedb.connect_async(settings.lancedb_uri, read_consistency_interval=timedelta(0))
        known = await connection.table_names(limit=100)
        cache = "embedding_cache_512" if "embedding_cache_512" in known else "embedding_cache"
        return cls(*[await connection.open_table(name) for name in ("memo_vectors", "memo_texts", cache)])

    async def vector(self, text: str) -> Any:
        """The cached vector of a text, which every text of the run has."""
        if text not in self._known:
            query = self._cache.query().where(col("contentHash").isin([content_hash(text)])).select(["embedding"])
            rows = await query.to_arrow()
            self._known[text] = rows.column("embedding").combine_chunks().flatten().to_numpy()
        return self._known[text]

    async def count(self, uid: str) -> int:
        """How many vectors a user has."""
        rows: int = await self._vectors.count_rows(f"uid = '{uid}'")
        return rows

    async def nearest(self, uid: str, vector: Any, limit: int) -> dict[str, float]:
        """Ids and similarities, best first."""
        query = self._vectors.query().where(col("uid") == lit(uid)).nearest_to(vector).distance_type("cosine")
        # One more than is wanted, as AIMO does to see whether the list ends among equals.
        query = query.column("embedding").select(_COLUMNS).limit(limit + 1).nprobes(1024)
        rows = await query.refine_factor(max(2, min(10, 2000 // (limit + 1)))).to_arrow()
        ranked = sorted(zip(rows.column("_distance").to_pylist(), rows.column("memoId").to_pylist(), strict=True))
        return {memo_id: min(max(1.0 - distance, 0.0), 1.0) for distance, memo_id in ranked[:limit]}

    async def containing(self, uid: str, lists: list[list[str]]) -> list[list[str]]:
        """Ids of the texts that contain every term, for each list; what fits one fits the last."""
        condition = col("uid") == lit(uid)
        for term in lists[-1]:
            condition = condition & col("content").contains(lit(fold(term)))
        rows = await self._texts.query().where(condition).select(["memoId", "content"]).to_arrow()
        found = []
        for terms in lists:
            part = rows
            for term in terms:
                part = part.filter(pc.match_substring(part.column("content"), fold(term)))
            found.append(part.column("memoId").to_pylist())
        return found

    async def ranked(self, uid: str, query: str, limit: int) -> list[str]:
        """Ids by text score."""
        matching = self._texts.query().where(col("uid") == lit(uid)).nearest_to_text(fold(query), columns="content")
        rows = await matching.select(["memoId", "_score"]).limit(limit).to_arrow()
        scored = zip(rows.column("_score").to_pylist(), rows.column("memoId").to_pylist(), strict=True)
        return [memo_id for _, memo_id in sorted(scored, key=lambda row: (-row[0], row[1]))]

    async def write(self, memo_id: str, uid: str, content: str, vector: Any) -> None:
        """Write one memo's vector and text; those who come meanwhile share the next commit."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(((memo_id, uid, content, vector), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await done

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            ids, uids, contents, vectors = zip(*(row for row, _ in group), strict=True)
            arrays = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(vectors)), len(vectors[0]))
            await asyncio.gather(
                _upsert(self._vectors, pa.table({"memoId": ids, "uid": uids, "embedding": arrays})),
                _upsert(self._texts, pa.table({"memoId": ids, "uid": uids, "content": list(map(fold, contents))})),
            )
            for _, done in group:
                done.set_result(None)
            self._commits += 1
            if self._commits % _OPTIMIZE_AFTER == 0:
                await asyncio.gather(self._vectors.optimize(), self._texts.optimize())


async def _upsert(table: Any, rows: pa.Table) -> None:
    await table.merge_insert("memoId").when_matched_update_all().when_not_matched_insert_all().execute(rows)
