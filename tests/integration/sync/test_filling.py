"""Texts that take long to embed keep the others waiting no longer than necessary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.errors import ProviderError
from aimo.services.sync import embedding_queue as filling
from aimo.services.sync import outbox as entries
from aimo.services.sync.crashes import CrashRecord
from aimo.services.sync.embedding_queue import EmbeddingQueue
from aimo.services.sync.outbox import OutboxEntry

Make = Callable[..., Settings]

# As many long texts a batch as this are too many.
_TOO_LONG = 4


async def test_batches_that_take_too_long_get_smaller(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_OUTAGE_WAITS", (0.0,))
    database = await Database.open(settings(**migrated_database))
    sizes: list[int] = []
    applied: set[str] = set()
    finished = asyncio.Event()
    names = [f"{'long' if number % 2 else 'short'}{number}" for number in range(60)]

    async def embed(ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        sizes.append(len(ids))
        late = sum(name.startswith("long") for name in ids) >= _TOO_LONG
        return dict.fromkeys(ids, ProviderError("too late")) if late else {}

    async def apply(ready: list[OutboxEntry]) -> None:
        applied.update(entry.entity_id for entry in ready)
        if len(applied) == len(names):
            finished.set()

    try:
        await entries.create_entries(database, "memo", [(name, "u") for name in names])
        queue = EmbeddingQueue(database, embed, apply, CrashRecord(database), seconds_each=0.1, first=32, most=256)
        await queue.add([OutboxEntry(number, "memo", name, "u") for number, name in enumerate(names, 1)])
        async with asyncio.timeout(10):
            await finished.wait()
        await queue.stop()
    finally:
        await database.close()
    # As many as there are texts, if every batch but those of one text failed.
    assert len(sizes) < len(names), sizes


@pytest.mark.parametrize(("answered", "most"), [(True, 5), (False, 20)])
async def test_who_answers_nothing_of_use_is_asked_less_and_less(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch, answered: bool, most: int
) -> None:
    database = await Database.open(settings(**migrated_database))
    pauses: list[float] = []
    enough = asyncio.Event()
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) >= 40:
            enough.set()
        await sleep(0 if len(pauses) < 40 else 60)

    async def embed(ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        return dict.fromkeys(ids, ProviderError("a page", answered=answered))

    async def apply(ready: list[OutboxEntry]) -> None:
        raise AssertionError("nothing is ready")

    try:
        await entries.create_entries(database, "memo", [("one", "u")])
        monkeypatch.setattr("aimo.services.sync.embedding_queue.asyncio.sleep", note)
        queue = EmbeddingQueue(database, embed, apply, CrashRecord(database), seconds_each=0.1, first=32, most=256)
        await queue.add([OutboxEntry(1, "memo", "one", "u")])
        async with asyncio.timeout(20):
            await enough.wait()
        await queue.stop()
    finally:
        await database.close()
    assert pauses == sorted(pauses)
    assert 60 / pauses[-1] <= most
    assert pauses[0] < 1
