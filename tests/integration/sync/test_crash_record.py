"""Entries that were being applied when the process died: counted, applied alone, set aside, released."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from tests.support.seeding import Plot
from tests.support.waiting import eventually_async

from aimo import clock
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.schema import OutboxEntries
from aimo.dto.memos import MemoBody
from aimo.errors import ProviderError
from aimo.runtime import Runtime
from aimo.services.doctor import doctor
from aimo.services.sync import crashes, outbox, rebuild
from aimo.services.sync.applier import Applier, ApplyResult
from aimo.services.sync.crashes import CrashRecord
from aimo.services.sync.outbox import OutboxEntry
from aimo.services.sync.service import SyncService

Make = Callable[..., Settings]


async def plant(settings: Settings, memos: int, *, started: bool = True, died: int = 2) -> tuple[str, list[str]]:
    """Leave a database behind as a process does that dies while it applies the entries of all its memos."""
    plot = Plot()
    uid = plot.user()
    memo_ids = [plot.memo(uid, f"memo number {number}") for number in range(memos)]
    await plot.plant_rows(settings)
    database = await Database.open(settings)
    try:
        await outbox.create_entries(database, "memo", [(memo_id, uid) for memo_id in memo_ids])
        values = {"crashes": died, "started_at": clock.now_ms() if started else None}
        async with database.reads() as connection:
            await connection.execute(update(OutboxEntries).values(values))
    finally:
        await database.close()
    return uid, memo_ids


async def entries(runtime: Runtime) -> list[Any]:
    async with runtime.stores.database.reads() as connection:
        return list(await connection.execute(select(OutboxEntries.__table__).order_by(OutboxEntries.entry_id)))


async def set_aside(runtime: Runtime, count: int) -> None:
    async def check() -> bool:
        state = await runtime.stores.sync.status()
        return state.set_aside == count and state.waiting == 0

    await eventually_async(check)


async def test_a_memo_set_aside_is_readable_and_named_by_the_doctor(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.1)
    chosen = settings(**migrated_database, EMBEDDER="local")
    uid, [memo_id] = await plant(chosen, 1)
    async with Runtime(chosen) as runtime:
        await set_aside(runtime, 1)
        outcomes = {each.name: each for each in await runtime.services.doctor.run(repair=True)}
        [named] = outcomes["no-entries-set-aside"].examples
        assert named.entity == memo_id and "aimo sync run --retry-set-aside" in named.problem
        assert not outcomes["no-entries-set-aside"].is_satisfied
        assert all(each.is_satisfied for name, each in outcomes.items() if name != "no-entries-set-aside")
        assert b"aimo_outbox_set_aside 1.0" in await runtime.services.metrics_exporter.exposition()
        assert (await runtime.services.memos.get(uid, memo_id)).content == "memo number 0"
        # It stays so, whoever takes over next, and whatever is rebuilt.
        await rebuild.request(runtime.stores.database)
        await set_aside(runtime, 1)
        assert [row.entity_id for row in await entries(runtime)] == [memo_id]
    async with Runtime(chosen) as runtime:
        await set_aside(runtime, 1)


async def test_editing_a_memo_releases_its_entry(settings: Make, migrated_database: dict[str, str]) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local")
    uid, [memo_id] = await plant(chosen, 1)
    async with Runtime(chosen) as runtime:
        await set_aside(runtime, 1)
        await runtime.services.memos.update(uid, memo_id, MemoBody(content="harmless now"))
        await set_aside(runtime, 0)
        assert await runtime.stores.vectors.memo_texts.containing(uid, ["harmless"]) == [memo_id]


async def test_what_is_set_aside_is_tried_again_when_that_is_asked_for(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local")
    uid, [memo_id] = await plant(chosen, 1)
    async with Runtime(chosen) as runtime:
        await set_aside(runtime, 1)
        assert await crashes.retry_set_aside(runtime.stores.database) == 1
        await set_aside(runtime, 0)
        assert await runtime.stores.vectors.memo_texts.containing(uid, ["memo"]) == [memo_id]


async def test_suspects_are_applied_one_by_one_and_after_the_others(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local")
    _, suspects = await plant(chosen, 3, died=0)
    _, others = await plant(chosen, 3, started=False, died=0)
    # The second planting has set all back.
    database = await Database.open(chosen)
    async with database.reads() as connection:
        which = OutboxEntries.entity_id.in_(suspects)
        await connection.execute(update(OutboxEntries).where(which).values(started_at=clock.now_ms()))
    await database.close()

    applied: list[set[str]] = []
    original = SyncService._apply_together

    async def watched(self: SyncService, group: list[OutboxEntry]) -> None:
        applied.append({entry.entity_id for entry in group})
        if set(suspects) & applied[-1]:
            [row] = [row for row in await entries(runtime) if row.entity_id in applied[-1]]
            assert row.crashes == 1
        await original(self, group)

    monkeypatch.setattr(SyncService, "_apply_together", watched)
    async with Runtime(chosen) as runtime:
        await set_aside(runtime, 0)
    assert applied[0] == set(others)
    assert [group for group in applied if group & set(suspects)][:3] == [{memo_id} for memo_id in suspects]


async def test_an_old_entry_leaves_a_trace_until_its_vector_is_made(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding, go_on = asyncio.Event(), asyncio.Event()
    original = SyncService._embed_memos

    async def watched(self: SyncService, memo_ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        embedding.set()
        await go_on.wait()
        return await original(self, memo_ids, seconds)

    monkeypatch.setattr(SyncService, "_embed_memos", watched)
    chosen = settings(**migrated_database, EMBEDDER="local")
    await plant(chosen, 1, started=False, died=0)
    async with Runtime(chosen) as runtime:
        async with asyncio.timeout(10):
            await embedding.wait()
        [row] = await entries(runtime)
        assert row.started_at is not None
        go_on.set()
        await set_aside(runtime, 0)


async def test_stopping_in_order_leaves_no_trace(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding = asyncio.Event()

    async def endless(self: SyncService, memo_ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        embedding.set()
        await asyncio.sleep(3600)
        return {}

    monkeypatch.setattr(SyncService, "_embed_memos", endless)
    chosen = settings(**migrated_database, EMBEDDER="local")
    await plant(chosen, 1, started=False, died=0)
    async with Runtime(chosen), asyncio.timeout(10):
        await embedding.wait()
    database = await Database.open(chosen)
    async with database.reads() as connection:
        [row] = (await connection.execute(select(OutboxEntries.started_at, OutboxEntries.crashes))).all()
        await connection.execute(delete(OutboxEntries))
    await database.close()
    assert row == (None, 0)


async def test_new_entries_cost_no_statement(settings: Make, migrated_database: dict[str, str]) -> None:
    database = await Database.open(settings(**migrated_database))
    record = CrashRecord(database)
    await record.take_over()
    await database.close()
    # Any statement would fail now.
    new = [OutboxEntry(1, "memo", "m", "u")]
    async with record.turn(new), record.recorded(new):
        await record.forget(new)


async def test_an_entry_that_cannot_be_applied_keeps_no_other_waiting(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local")
    _, memo_ids = await plant(chosen, 30, started=False, died=0)
    original = Applier._apply_memos

    async def failing(self: Applier, wanted: list[str]) -> dict[str, ApplyResult]:
        if memo_ids[7] in wanted:
            raise RuntimeError("this one cannot be applied")
        return await original(self, wanted)

    monkeypatch.setattr(Applier, "_apply_memos", failing)
    async with Runtime(chosen) as runtime:

        async def only_one_waits() -> bool:
            return (await runtime.stores.sync.status()).waiting == 1

        await eventually_async(only_one_waits)
        [left] = await entries(runtime)
        assert left.entity_id == memo_ids[7]
        assert left.last_error == "RuntimeError: this one cannot be applied"
        monkeypatch.undo()
        await set_aside(runtime, 0)
