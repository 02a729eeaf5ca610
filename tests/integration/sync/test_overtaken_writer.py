"""A writer that is overtaken between reading a memo and writing it changes nothing any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from sqlalchemy import delete, insert, update

from aimo import clock
from aimo.ai.embedder import Vectors
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries.outbox import OutboxEntry
from aimo.db.schema import Memos, Users
from aimo.runtime import Runtime
from aimo.services.embedding.service import EmbeddingService
from aimo.services.sync import outbox as entries
from aimo.services.sync.applier import Applier, NotTheWriterError
from aimo.vectors.fence import FencedError
from aimo.vectors.store import VectorStore

# What the database does here, it does alike everywhere.
pytestmark = pytest.mark.parametrize("migrated_database", ["sqlite"], indirect=True)

MEMO = "m-of-the-test"


class PausedEmbeddings(EmbeddingService):
    """Answers when it may: memos have been read by then, and nothing has been written."""

    def __init__(self, behind: EmbeddingService) -> None:
        self._behind = behind
        self.embedder = behind.embedder
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def cached(self, texts: Sequence[str]) -> dict[str, Vectors]:
        found = await self._behind.cached(texts)
        self.asked.set()
        await self.go_on.wait()
        return found


@dataclass
class Two:
    """Two processes' appliers on the same stores; the first one pauses after it has read memos."""

    database: Database
    texts: VectorStore
    paused: PausedEmbeddings
    first: Applier
    second: Applier
    holds_lease: list[bool] = field(default_factory=lambda: [True])

    async def change(self, content: str | None) -> None:
        """Change the memo, or delete it, as a request would."""
        async with self.database.reads() as connection:
            if content is None:
                await connection.execute(delete(Memos).where(Memos.memo_id == MEMO))
            else:
                await connection.execute(update(Memos).where(Memos.memo_id == MEMO).values(content=content))
        await entries.create_entries(self.database, "memo", [(MEMO, "u")])

    async def waiting(self) -> list[OutboxEntry]:
        async with self.database.reads() as connection:
            return await outbox_queries.due(connection, now=clock.now_ms() + 1000, limit=10)

    async def stored(self) -> list[str]:
        return [text for _, _, text in await self.texts.memo_texts.contents([MEMO])]


@pytest.fixture
async def two(migrated_database: dict[str, str], settings: Callable[..., Settings]) -> AsyncIterator[Two]:
    values = settings(**migrated_database, EMBEDDER="local")
    async with AsyncExitStack() as stack:
        runtimes = [await stack.enter_async_context(Runtime(values, worker=False)) for _ in range(2)]
        one, other = (runtime.stores for runtime in runtimes)
        async with one.database.reads() as connection:
            await connection.execute(insert(Users).values(uid="u", password="-", salt="-"))
            await connection.execute(insert(Memos).values(memo_id=MEMO, uid="u", content="first", seq=1))
        await one.embeddings.fill(["first", "second", "third"], seconds=30)
        paused, holds_lease = PausedEmbeddings(one.embeddings), [True]
        yield Two(
            one.database,
            other.vectors,
            paused,
            Applier(one.database, one.vectors, paused, holds_lease=lambda: holds_lease[0]),
            Applier(other.database, other.vectors, other.embeddings),
            holds_lease,
        )


@pytest.mark.parametrize("second", ["second", None], ids=["changed", "deleted"])
@pytest.mark.parametrize("stored", [True, False], ids=["known", "new"])
async def test_what_an_overtaken_writer_had_read_does_not_replace_what_its_successor_wrote(
    two: Two, second: str | None, stored: bool
) -> None:
    await two.change("first")
    if stored:
        await two.second.apply(await two.waiting())
        await two.change("first")
    applying = asyncio.create_task(two.first.apply(await two.waiting()))
    await two.paused.asked.wait()
    await two.change(second)
    if stored:
        with pytest.raises(FencedError):
            await two.second.apply(await two.waiting())
    await two.second.apply(await two.waiting())
    expected = [second] if second else []
    assert await two.stored() == expected
    two.paused.go_on.set()
    with pytest.raises(FencedError):
        await applying
    assert await two.stored() == expected
    assert await two.waiting() == []
    assert await two.texts.memo_vectors.count() == len(expected)
    await two.change("third" if second else None)
    await two.first.apply(await two.waiting())
    assert await two.stored() == (["third"] if second else [])


async def test_a_writer_without_its_lease_neither_writes_nor_removes_entries(two: Two) -> None:
    await two.change("first")
    applying = asyncio.create_task(two.first.apply(await two.waiting()))
    await two.paused.asked.wait()
    two.holds_lease[0] = False
    two.paused.go_on.set()
    with pytest.raises(NotTheWriterError):
        await applying
    assert await two.stored() == []
    assert len(await two.waiting()) == 1
    await two.second.apply(await two.waiting())
    assert await two.stored() == ["first"]
    assert await two.waiting() == []
