"""Each live memo has exactly one current vector and text row, or an entry that says why not."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from aimo.ai.embedder import Vectors
from aimo.db.connection import Database
from aimo.db.queries import doctor as doctor_queries
from aimo.db.queries.doctor import IndexedMemo
from aimo.folding import fold
from aimo.services.doctor import outbox_entries as entries
from aimo.services.doctor.invariant import Scan, Violation
from aimo.services.embedding.service import EmbeddingService
from aimo.services.sync import rebuild
from aimo.threads import STORED_TEXTS
from aimo.vectors.store import VectorStore

# The owners and contents of a memo's rows in one table, by the memo's id.
_Found = defaultdict[str, list[tuple[str, object]]]

_BATCH = 200
_TABLE = "memo_vectors"
_SEVERAL = "several"
_SAME_COSINE = 0.9999


class MemoIndex:
    """Compares memos with LanceDB: a text must be the memo's own, a vector the one that its text has in the cache.

    A vector whose text has left the cache can only be seen to be there.
    """

    name = "indexed-memos"

    def __init__(self, database: Database, vectors: VectorStore, embeddings: EmbeddingService) -> None:
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings

    async def look(self) -> AsyncIterator[Scan]:
        """Yield all memos in the order of their ids."""
        await self._vectors.memo_vectors.refresh()
        if not self._model_matches:
            yield Scan(0, [self._wrong_model()])
        after = ""
        while True:
            async with self._database.reads() as connection:
                rows = await doctor_queries.memos_after(connection, after=after, limit=_BATCH)
            if not rows:
                return
            after = rows[-1].memo_id
            yield Scan(len(rows), await self._compare(rows))

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Read the memo first, then its entries, then LanceDB: an entry applied in between has had its effect."""
        await self._vectors.memo_vectors.refresh()
        ids = [each.entity for each in suspects]
        async with self._database.reads() as connection:
            rows = await doctor_queries.memos_by_id(connection, memo_ids=ids)
        waiting = await entries.with_waiting_entry(self._database, ids)
        found = await self._compare([row for row in rows if row.memo_id not in waiting])
        if any(each.entity == _TABLE for each in suspects) and not self._model_matches and _TABLE not in waiting:
            found.append(self._wrong_model())
        return found

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Have them written again; rows that are there several times are deleted before."""
        memos = [each for each in violations if each.entity != _TABLE]
        await entries.entry(self._database, "replace", [each for each in memos if _SEVERAL in each.problem])
        await entries.entry(self._database, "memo", [each for each in memos if _SEVERAL not in each.problem])
        if len(memos) < len(violations):
            await rebuild.request(self._database)
        return len(violations)

    @property
    def _model_matches(self) -> bool:
        embedder = self._embeddings.embedder
        return self._vectors.memo_vectors.matches(embedder.model, embedder.dimension)

    def _wrong_model(self) -> Violation:
        table = self._vectors.memo_vectors
        return Violation(
            _TABLE,
            "-",
            f"the vectors are of {table.model}:{table.dimension}, not of the configured model",
            # All of them would be thrown away, and all memos embedded again.
            costly=True,
        )

    async def _compare(self, rows: Sequence[IndexedMemo]) -> list[Violation]:
        if not rows:
            return []
        ids = [row.memo_id for row in rows]
        texts: _Found = defaultdict(list)
        vectors: _Found = defaultdict(list)
        for memo_id, uid, content in await self._vectors.memo_texts.contents(ids):
            texts[memo_id].append((uid, content))
        for memo_id, uid, vector in await self._vectors.memo_vectors.vectors(ids):
            vectors[memo_id].append((uid, vector))
        known = await self._embeddings.cached([row.content for row in rows]) if self._model_matches else {}
        # Folding a batch of long memos takes seconds.
        return await STORED_TEXTS.run(_violations, rows, texts, vectors, known)


def _violations(
    rows: Sequence[IndexedMemo], texts: _Found, vectors: _Found, known: Mapping[str, Vectors]
) -> list[Violation]:
    found = []
    for row in rows:
        problems = [
            *_confirm_and_repair(row.uid, texts[row.memo_id], fold(row.content), "text"),
            *_confirm_and_repair(row.uid, vectors[row.memo_id], known.get(row.content), "vector"),
        ]
        if problems:
            evidence = f"{row.updated_at} {_digest(texts[row.memo_id], vectors[row.memo_id])}"
            found.append(Violation(row.memo_id, row.uid, ", ".join(problems), evidence))
    return found


def _confirm_and_repair(uid: str, rows: list[tuple[str, object]], expected: object, what: str) -> Iterator[str]:
    """Yield what is wrong with the rows of one memo in one table; nothing expected means that it is not known."""
    if not rows:
        yield f"no {what}"
    elif len(rows) > 1:
        yield f"{_SEVERAL} {what} rows"
    elif rows[0][0] != uid:
        yield f"the {what} of another user"
    elif expected is not None and not _same(rows[0][1], expected):
        yield f"the {what} of another version"


def _same(found: Any, expected: Any) -> bool:
    """Return whether two texts are equal, or two vectors of one text: providers do not answer alike to the last bit."""
    if isinstance(found, str):
        return bool(found == expected)
    length = np.linalg.norm(found) * np.linalg.norm(expected)
    return bool(length > 0 and float(np.dot(found, expected) / length) > _SAME_COSINE)


def _digest(texts: list[Any], vectors: list[Any]) -> str:
    seen = hashlib.sha256(repr([*texts, *((uid, vector.tobytes()) for uid, vector in vectors)]).encode())
    return seen.hexdigest()[:16]
