"""What is no crash is not counted as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from aimo import clock
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.queries import outbox as outbox_queries
from aimo.db.schema import OutboxEntries
from aimo.services.sync import outbox as entries
from aimo.services.sync.crashes import CrashRecord
from aimo.services.sync.outbox import OutboxEntry

Make = Callable[..., Settings]


async def entry(database: Database) -> Any:
    async with database.reads() as connection:
        return (await connection.execute(select(OutboxEntries.crashes, OutboxEntries.started_at))).one()


async def due(database: Database) -> list[OutboxEntry]:
    async with database.reads() as connection:
        return await outbox_queries.due(connection, now=clock.now_ms(), limit=10)


async def test_a_process_that_lost_the_database_counts_no_crash_of_its_own(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await Database.open(settings(**migrated_database))
    try:
        await entries.create_entries(database, "memo", [("m", "u")])
        record = CrashRecord(database)
        for _ in range(outbox_queries.MOST_CRASHES):
            await record.take_over()

            def away() -> Any:
                raise OSError("the database is away")

            with pytest.raises(OSError, match="away"), monkeypatch.context() as outage:
                async with record.recorded(await due(database)):
                    outage.setattr(database, "reads", away)
            assert (await entry(database)).started_at is not None
        await record.take_over()
        assert tuple(await entry(database)) == (0, None)
    finally:
        await database.close()


async def test_another_process_counts_what_was_left(settings: Make, migrated_database: dict[str, str]) -> None:
    database = await Database.open(settings(**migrated_database))
    try:
        await entries.create_entries(database, "memo", [("m", "u")])
        died = CrashRecord(database)
        await died.take_over()
        async with died.recorded(await due(database)):
            await CrashRecord(database).take_over()
        assert (await entry(database)).crashes == 1
    finally:
        await database.close()
