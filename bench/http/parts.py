"""Times of parts by themselves: each statement of reading on the database, a vector search, the embedder."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.http.compare import percentile
from bench.http.data import Data

from aimo.ai.local_embedder import LocalEmbedder
from aimo.db.connection import Database
from aimo.db.driver_reads import fetch
from aimo.db.queries import attachments, memos, relations, tags, users
from aimo.db.queries.memos import FilterShape, SortOrder
from aimo.db.statements import REGISTER
from aimo.vectors.store import VectorStore

_PAGE = 20


@dataclass(frozen=True)
class Part:
    """Time of one part in milliseconds."""

    name: str
    median_ms: float
    p99_ms: float


async def time_part(name: str, work: Callable[[], Awaitable[Any]], times: int) -> Part:
    """Run it so many times, after twice for nothing."""
    taken = []
    for turn in range(times + 2):
        started = time.perf_counter()
        await work()
        if turn >= 2:
            taken.append(1000 * (time.perf_counter() - started))
    return Part(name, statistics.median(taken), percentile(taken, 99))


async def statements(database: Database, data: Data, times: int) -> list[Part]:
    """Every statement that listing, reading and searching send, with the values of a page."""
    owner, middle = {"owner": data.owner}, len(data.memo_ids) // 2
    page = owner | {"memo_ids": data.memo_ids[-_PAGE:]}
    newest = owner | {"limit": _PAGE, "offset": 0}
    tagged, tag_values = FilterShape(tags=True), owner | {"tag_ids": data.tag_ids[:1], "tag_count": 1}
    asked: list[tuple[str, Any, dict[str, Any]]] = [
        ("user of the token", users.IDENTITY, owner),
        ("count", memos.count(FilterShape()), owner),
        ("page", memos.page(FilterShape(), SortOrder()), newest),
        ("page in the middle", memos.page(FilterShape(), SortOrder()), newest | {"offset": middle}),
        ("count of a tag", memos.count(tagged), tag_values),
        ("page of a tag", memos.page(tagged, SortOrder()), newest | tag_values),
        ("one memo", REGISTER["memos.one"].statement, owner | {"id": data.memo_ids[middle]}),
        ("memos by ids", REGISTER["memos.by_ids"].statement, page),
        ("references", relations.TARGETS, page),
        ("tags by ids", tags.BY_IDS.statement, owner | {"tag_ids": data.tag_ids[:_PAGE]}),
        ("attachments by ids", attachments.BY_IDS, owner | {"ids": data.attachment_ids[:_PAGE]}),
    ]
    parts = []
    async with database.reads(seconds=600) as connection:
        for name, statement, values in asked:
            parts.append(await time_part(name, partial(fetch, connection, statement, values), times))
    return parts


async def vector_search(store: VectorStore, data: Data, times: int) -> Part:
    """LanceDB's part of a search by meaning."""
    vectors = list(data.queries.values())
    turns = iter(range(times + 2))

    async def search() -> None:
        await store.memo_vectors.search(data.owner, vectors[next(turns) % len(vectors)], _PAGE)

    return await time_part("vector search", search, times)


async def embedder(times: int) -> list[Part]:
    """The offline embedder on a query, and on a long memo."""
    local = LocalEmbedder()
    short, long = "怎么做 pasta carbonara", "今天和朋友去爬山 and talked about books. " * 55
    try:
        return [
            await time_part("embed a query", lambda: local.embed([short], "query"), times),
            await time_part("embed 2,000 characters", lambda: local.embed([long[:2000]], "passage"), times),
        ]
    finally:
        await local.close()
