"""Finding the memos that a question can be answered from (docs/decisions/16-what-explore-answers-from.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from aimo.ai.embedder import Vectors
from aimo.db.connection import Database
from aimo.db.queries.memos import MemoRow
from aimo.errors import AimoError
from aimo.services.embedding.service import EmbeddingService
from aimo.services.memos.lists import load_rows_by_ids
from aimo.services.search import hybrid_ranking as fusion
from aimo.services.search.service import SearchService
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.store import VectorStore
from aimo.vectors.vector_table import Hit

log = structlog.get_logger(__name__)

MOST_PASSAGES = 10


@dataclass(frozen=True)
class Passage:
    """A memo's row and its similarity to the question."""

    row: MemoRow
    similarity: float


class RetrievalError(Exception):
    """The search for passages failed, so nothing is known about what is relevant."""


class Retriever:
    """Finds at most ten passages, with one statement in the database whatever is found."""

    def __init__(
        self, database: Database, vectors: VectorStore, embeddings: EmbeddingService, search: SearchService
    ) -> None:
        self._database = database
        self._vectors = vectors
        self._embeddings = embeddings
        self._search = search

    async def find(self, uid: str, question: str) -> list[Passage]:
        """Return the user's memos that are relevant by meaning, then those that contain the question's terms.

        Raises:
            RetrievalError: the question cannot be embedded, or the vectors cannot be read
                (docs/contract/explore.md#ask).
        """
        try:
            vector = await self._search.query_vector(question)
            hits = await self._hits(uid, question, vector)
        except (AimoError, VectorStoreError) as error:
            log.warning("retrieval failed", reason=str(error.__cause__ or error))
            raise RetrievalError from error
        similarities = dict(hits)
        async with self._database.reads() as connection:
            rows = await load_rows_by_ids(connection, uid, list(similarities))
        return [Passage(row, similarities[row.memo_id]) for row in rows]

    async def _hits(self, uid: str, question: str, vector: Vectors) -> Sequence[Hit]:
        table = self._vectors.memo_vectors
        relevant = self._embeddings.embedder.relevant
        nearest = await table.search(uid, vector, MOST_PASSAGES)
        semantic = [hit for hit in nearest if hit.similarity >= relevant]
        if len(semantic) == MOST_PASSAGES:
            return semantic
        return [*semantic, *await self._literal(uid, question, vector, {hit.id for hit in semantic})][:MOST_PASSAGES]

    async def _literal(self, uid: str, question: str, vector: Vectors, known: set[str]) -> list[Hit]:
        """Return what contains the whole question, then what contains all of its terms, each by similarity."""
        tier = fusion.match_levels(
            await self._vectors.memo_texts.ids_containing_each_list(uid, fusion.lookups(question))
        )
        fresh = [memo_id for memo_id in tier if memo_id not in known]
        if not fresh:
            return []
        similarities = await self._vectors.memo_vectors.similarities(uid, vector)
        hits = [Hit(memo_id, similarities.get(memo_id, 0.0)) for memo_id in fresh]
        return sorted(hits, key=lambda hit: (tier[hit.id], -hit.similarity, hit.id))
