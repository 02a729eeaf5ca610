"""Times of parts by themselves: each statement of reading on the database, a vector search, the embedder."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bench.http.compare import percentile
from bench.http.data import Data

from aimo.ai.local_embedder import LocalEmbedder
from aimo.db.connection import Database
from aimo.db.queries import attachments, memos, relations, tags, users
from aimo.db.queries.memos import FilteredMemos, FilterShape, SortOrder
from aimo.vectors.store import VectorStore

_PAGE = 20


@dataclass(frozen=True)
class Part:
    """Time of one part in milliseconds."""

    name: str
    median_ms: float
    p99_ms: float


async def time_part(name: str, work: Callable[[], Awaitable[object]], times: int) -> Part:
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
    owner, middle, newest = data.owner, len(data.memo_ids) // 2, SortOrder()
    ids, tag_ids, file_ids = data.memo_ids[-_PAGE:], data.tag_ids[:_PAGE], data.attachment_ids[:_PAGE]
    every = FilteredMemos(owner, FilterShape(), {})
    tagged = FilteredMemos(owner, FilterShape(tags=True), {"tag_ids": data.tag_ids[:1], "tag_count": 1})
    parts = []
    async with database.reads(seconds=600) as connection:
        asked: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("user of the token", partial(users.exists, connection, owner=owner)),
            ("count", partial(memos.count, connection, every)),
            ("page", partial(memos.page, connection, every, newest, limit=_PAGE, offset=0)),
            ("page in the middle", partial(memos.page, connection, every, newest, limit=_PAGE, offset=middle)),
            ("count of a tag", partial(memos.count, connection, tagged)),
            ("page of a tag", partial(memos.page, connection, tagged, newest, limit=_PAGE, offset=0)),
            ("one memo", partial(memos.get, connection, owner=owner, memo_id=data.memo_ids[middle])),
            ("memos by ids", partial(memos.by_ids, connection, owner=owner, memo_ids=ids)),
            ("references", partial(relations.targets, connection, owner=owner, memo_ids=ids)),
            ("tags by ids", partial(tags.by_ids, connection, owner=owner, tag_ids=tag_ids)),
            ("attachments by ids", partial(attachments.by_ids, connection, owner=owner, attachment_ids=file_ids)),
        ]
        for name, work in asked:
            parts.append(await time_part(name, work, times))
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
