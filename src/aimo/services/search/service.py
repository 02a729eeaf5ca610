"""Finding memos again: by meaning, by meaning and words together, and those related to a memo."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from aimo.ai.embedder import Vectors
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import memos as memo_queries
from aimo.dto.memos import Memo, MemoPage, SearchPage
from aimo.errors import AimoError, Code, ProviderError
from aimo.folding import is_blank
from aimo.services.embedding.service import EmbeddingService
from aimo.services.memos.lists import MemoFilter, page_by_ids, select
from aimo.services.memos.memo_presenter import FOUND, MemoPresenter
from aimo.services.memos.name_keys import require_query
from aimo.services.memos.paging import PageRequest
from aimo.services.memos.service import one
from aimo.services.search import hybrid_ranking as fusion
from aimo.services.search.snippets import snippet
from aimo.threads import TEXTS
from aimo.vectors.store import VectorStore
from aimo.vectors.vector_table import Hit

log = structlog.get_logger(__name__)

_EMBED_SECONDS = 8.0
# A search that can do with words alone waits less, and hardly at all while the embedder is known to be down.
_TIMEOUT_SECONDS = 2.5
_TIMEOUT_WHILE_DOWN_SECONDS = 0.5
# How deep a hybrid search without filters looks by meaning; the end of a longer ranking means nothing any more.
_DEPTH = 1000
_PARTIAL = 100


class SearchService:
    """Searches in LanceDB; every answer is looked up in the database before anybody sees it."""

    def __init__(
        self, database: Database, views: MemoPresenter, vectors: VectorStore, embeddings: EmbeddingService
    ) -> None:
        self._database = database
        self._views = views
        self._vectors = vectors
        self._embeddings = embeddings

    async def semantic_search(self, uid: str, query: str, criteria: MemoFilter, request: PageRequest) -> MemoPage:
        """Return the user's memos by similarity to the query.

        See docs/contract/search.md#by-meaning, docs/decisions/15-exact-filtered-search.md.

        DB_ERROR when the embedder fails.
        """
        vector = await self.query_vector(query)
        hits, total = await self._ranked_page(uid, vector, criteria, request)
        async with self._database.driver_connection() as connection:
            items, truncated = await self._present(connection, uid, hits)
        return MemoPage(items=items, pagination=request.describe(total, truncated=truncated))

    async def related(self, uid: str, memo_id: str, request: PageRequest) -> MemoPage:
        """Return the user's other memos by similarity to this one; NOT_FOUND without it.

        See docs/contract/search.md#related-memos.
        """
        async with self._database.driver_connection() as connection:
            await one(connection, uid, memo_id)
            total = await memo_queries.count_all(connection, owner=uid) - 1
        hits: Sequence[Hit] = []
        depth = min(request.offset + request.size, total)
        table = self._vectors.memo_vectors
        vector = await table.get(uid, memo_id) if request.size and depth > request.offset else None
        if vector is not None:
            hits = (await table.search(uid, vector, depth, exclude=memo_id))[request.offset :]
        async with self._database.driver_connection() as connection:
            items, truncated = await self._present(connection, uid, hits)
        return MemoPage(items=items, pagination=request.describe(total, truncated=truncated))

    async def relevant(self, uid: str, query: str, limit: int) -> list[Memo]:
        """Of the ``limit`` most similar memos those that are relevant; SYSTEM_ERROR when the embedder fails.

        See docs/contract/explore.md#quick-search.
        """
        try:
            page = await self.semantic_search(uid, query, MemoFilter(), PageRequest(1, limit))
        except AimoError as error:
            raise AimoError(Code.SYSTEM_ERROR, "Search failed") from error
        threshold = self._embeddings.embedder.relevant
        return [
            memo for memo in page.items if isinstance(memo.relevance_score, float) and memo.relevance_score >= threshold
        ]

    async def hybrid(self, uid: str, query: str, criteria: MemoFilter, request: PageRequest) -> SearchPage:
        """Return the user's memos by words and meaning; by words alone while the embedder is down.

        See docs/decisions/14-order-of-hybrid-search.md.
        """
        if is_blank(require_query(query)):
            raise AimoError(Code.PARAMS_ERROR, "Query is required")
        terms = fusion.query_terms(query)
        texts = self._vectors.memo_texts
        allowed = await self._allowed(uid, criteria) if criteria.any else None
        semantic, literal = await asyncio.gather(
            self._semantic(uid, query, allowed), texts.ids_containing_each_list(uid, fusion.lookups(query))
        )
        degraded, hits = semantic is None, semantic or []
        # Memos with some of the words only fill up what meaning leaves empty, and looking for them takes longest.
        partial = await texts.ranked(uid, query, _PARTIAL) if len(hits) < _DEPTH else []
        matches = fusion.fuse(hits, literal, partial, relevant=self._embeddings.embedder.relevant)
        if allowed is not None:
            matches = [match for match in matches if match.id in allowed]
        page = matches[request.offset : request.offset + request.size]
        similarities = dict(hits)
        async with self._database.driver_connection() as connection:
            shown = [(match.id, similarities.get(match.id, 0.0)) for match in page]
            items, truncated = await self._present(connection, uid, shown)
        ways = {match.id: match.matched_by for match in page}
        for memo in items:
            way = ways[memo.memo_id]
            memo.matched_by = ["semantic", "text"] if way == "both" else [way]
        await TEXTS.run(_highlight, items, terms)
        pagination = request.describe(len(matches), truncated=truncated)
        return SearchPage(items=items, pagination=pagination, degraded=degraded)

    async def query_vector(self, query: str, *, seconds: float = _EMBED_SECONDS) -> Vectors:
        """Return the vector of a query; PARAMS_ERROR for a blank one, DB_ERROR when there can be none."""
        embedder = self._embeddings.embedder
        if is_blank(require_query(query)):
            raise AimoError(Code.PARAMS_ERROR, "Query is required")
        table = self._vectors.memo_vectors
        if not table.matches(embedder.model, embedder.dimension):
            # Another process may have moved the table to the configured model meanwhile.
            await table.refresh()
        if not table.matches(embedder.model, embedder.dimension):
            log.error("vector table belongs to another model; run `aimo sync rebuild`")
            raise AimoError(Code.DB_ERROR)
        try:
            return await self._embeddings.query(query, seconds=seconds)
        except ProviderError as error:
            log.warning("query embedding failed", reason=str(error))
            raise AimoError(Code.DB_ERROR) from error

    async def _ranked_page(
        self, uid: str, vector: Vectors, criteria: MemoFilter, request: PageRequest
    ) -> tuple[Sequence[Hit], int]:
        """Return the hits of one page, and how many there are on all."""
        if criteria.any:
            ranked = await self._rank_within_ids(uid, vector, await self._allowed(uid, criteria))
            return ranked[request.offset : request.offset + request.size], len(ranked)
        table = self._vectors.memo_vectors
        total = await table.count(uid)
        depth = min(request.offset + request.size, total)
        if not request.size or depth <= request.offset:
            return [], total
        return (await table.search(uid, vector, depth))[request.offset :], total

    async def _semantic(self, uid: str, query: str, allowed: set[str] | None) -> Sequence[Hit] | None:
        """Return what is found by meaning, at most 1,000 without filters; None without a vector for the query."""
        timeout_seconds = _TIMEOUT_WHILE_DOWN_SECONDS if self._embeddings.is_down else _TIMEOUT_SECONDS
        try:
            vector = await self.query_vector(query, seconds=timeout_seconds)
        except AimoError:
            return None
        if allowed is not None:
            return await self._rank_within_ids(uid, vector, allowed)
        return await self._vectors.memo_vectors.search(uid, vector, _DEPTH)

    async def _rank_within_ids(self, uid: str, vector: Vectors, allowed: set[str]) -> list[Hit]:
        """Return every allowed memo that has a vector, by similarity."""
        if not allowed:
            return []
        similarities = await self._vectors.memo_vectors.similarities(uid, vector)
        hits = [Hit(memo_id, similarity) for memo_id, similarity in similarities.items() if memo_id in allowed]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))

    async def _allowed(self, uid: str, criteria: MemoFilter) -> set[str]:
        """Return the ids of all memos that meet the criteria."""
        async with self._database.driver_connection() as connection:
            selection = await select(connection, uid, criteria)
            if selection is None:
                return set()
            return set(await memo_queries.matching_ids(connection, selection))

    async def _present(
        self, connection: ReadConnection, uid: str, hits: Sequence[tuple[str, float]]
    ) -> tuple[list[Memo], bool]:
        """Return the memos found, and whether the page had no room for all of them."""
        found = [memo_id for memo_id, _ in hits]
        rows, truncated = await page_by_ids(connection, uid, found)
        memos = await self._views.present(connection, uid, rows, FOUND)
        scores = dict(hits)
        for memo in memos:
            memo.relevance_score = scores[memo.memo_id]
        return memos, truncated


def _highlight(items: Sequence[Memo], terms: Sequence[str]) -> None:
    """Give each memo its snippet; in a thread, since long memos take a while."""
    for memo in items:
        memo.snippet = snippet(memo.content, terms)
