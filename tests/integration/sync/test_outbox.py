"""Outbox entries by the thousand: cheap, never half a chunk, and no other writer waits for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.schema import OutboxEntries
from aimo.db.transaction import atomically
from aimo.services.sync import outbox as entries


@pytest.fixture
async def opened(migrated_database: dict[str, str], settings: Callable[..., Settings]) -> AsyncIterator[Database]:
    database = await Database.open(settings(**migrated_database))
    yield database
    await database.close()


async def count(database: Database) -> int:
    async with database.reads() as connection:
        return int((await connection.execute(select(func.count()).select_from(OutboxEntries))).scalar_one())


async def test_a_thousand_outbox_entries_are_created_atomically(opened: Database) -> None:
    entities: list[Any] = [(f"m{number}", "u") for number in range(2500)]
    entities[1500] = ("m1500", None)
    with pytest.raises(IntegrityError):
        await entries.create_entries(opened, "memo", entities)
    assert await count(opened) == 1000


async def test_creating_many_outbox_entries_blocks_no_writer(opened: Database) -> None:
    entities = [(f"m{number}", "u") for number in range(20_000)]
    started = time.monotonic()
    writing = asyncio.create_task(entries.create_entries(opened, "memo", entities))
    await asyncio.sleep(0)
    await atomically(opened, "test", lambda connection: entries.write(connection, "memo", "urgent", "u"))
    waited = time.monotonic() - started
    assert not writing.done()
    await writing
    assert await count(opened) == 20_001
    print(f"20,000 entries in {time.monotonic() - started:.2f} s; another writer waited {waited:.3f} s")
