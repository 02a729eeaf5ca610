"""Memos leave the trash by themselves where that is wanted, when they are due, and never because a clock is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from aimo import clock
from aimo.config import Settings
from aimo.db.queries import trash as trash_queries
from aimo.db.schema import Memos
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime
from aimo.services import trusted_clock
from aimo.services.memos.paging import PageRequest
from aimo.services.trash import retention
from aimo.services.trash.service import TrashFilter

Make = Callable[..., Settings]
Days = Callable[[float], None]
DAY = trusted_clock.DAY_MS
START = clock.now_ms()


@pytest.fixture
async def runtime(settings: Make, migrated_database: dict[str, str]) -> AsyncIterator[Runtime]:
    async with Runtime(settings(**migrated_database, embedder="local", trash_retention_days=30)) as opened:
        yield opened


@pytest.fixture
def after_days(monkeypatch: pytest.MonkeyPatch) -> Days:
    """Lets the nightly work, and nothing else, see the time so many days after the start."""

    def shift(days: float) -> None:
        monkeypatch.setattr(trusted_clock, "clock", SimpleNamespace(now_ms=lambda: START + int(days * DAY)))

    shift(0)
    return shift


async def user(runtime: Runtime, name: str) -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def write(runtime: Runtime, uid: str) -> str:
    return (await runtime.services.memos.create(uid, MemoBody(content="memo"))).memo_id


async def trashed(runtime: Runtime, uid: str, *, days_ago: float) -> str:
    """Write a memo that was deleted so many days before the start."""
    memo_id = await write(runtime, uid)
    await runtime.services.memos.delete(uid, memo_id)
    moment = START - int(days_ago * DAY)
    async with runtime.stores.database.engine.begin() as connection:
        await connection.execute(update(Memos).where(Memos.memo_id == memo_id).values(deleted_at=moment))
    return memo_id


async def in_trash(runtime: Runtime, uid: str) -> set[str]:
    page = await runtime.services.trash.page(uid, TrashFilter(), newest_first=True, request=PageRequest(1, 100))
    return {memo.memo_id for memo in page.list}


async def test_the_trash_keeps_everything_unless_days_are_set(settings: Make, after_days: Days) -> None:
    async with Runtime(settings(embedder="local")) as runtime:
        alice = await user(runtime, "alice")
        old = await trashed(runtime, alice, days_ago=5000)
        for night in range(3):
            after_days(night)
            assert await runtime.services.trash_retention.run() == 0
        assert await in_trash(runtime, alice) == {old}


async def test_the_first_night_notes_the_time_and_later_ones_delete_what_has_expired(
    runtime: Runtime, after_days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    monkeypatch.setattr(retention, "_USERS", 1)
    alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
    expired = {await trashed(runtime, alice, days_ago=30 + n) for n in range(3)}
    almost, later = await trashed(runtime, alice, days_ago=28.5), await trashed(runtime, alice, days_ago=1)
    of_bob, kept_by_bob = await trashed(runtime, bob, days_ago=99), await trashed(runtime, bob, days_ago=0)
    live = await write(runtime, alice)

    assert await runtime.services.trash_retention.run() == 0
    assert await in_trash(runtime, alice) == expired | {almost, later}
    assert await in_trash(runtime, bob) == {of_bob, kept_by_bob}
    after_days(1)
    assert await runtime.services.trash_retention.run() == 4
    assert await in_trash(runtime, alice) == {almost, later}
    assert await in_trash(runtime, bob) == {kept_by_bob}
    after_days(2)
    assert await runtime.services.trash_retention.run() == 1
    assert await runtime.services.trash_retention.run() == 0
    assert await in_trash(runtime, alice) == {later}
    assert (await runtime.services.memos.get(alice, live)).memo_id == live


async def test_a_clock_that_is_far_ahead_for_a_night_deletes_nothing_early(runtime: Runtime, after_days: Days) -> None:
    alice = await user(runtime, "alice")
    kept = {await trashed(runtime, alice, days_ago=days) for days in (0, 10, 27)}
    for night in (0, 400, 1, 1.5):
        after_days(night)
        assert await runtime.services.trash_retention.run() == 0
    assert await in_trash(runtime, alice) == kept
    after_days(3.1)
    assert await runtime.services.trash_retention.run() == 1


async def test_a_clock_that_is_far_ahead_in_the_first_night_deletes_nothing_early(
    runtime: Runtime, after_days: Days
) -> None:
    alice = await user(runtime, "alice")
    kept = await trashed(runtime, alice, days_ago=29)
    for night in (400, 0, 0.5):
        after_days(night)
        assert await runtime.services.trash_retention.run() == 0
    assert await in_trash(runtime, alice) == {kept}


async def test_what_is_restored_or_deleted_anew_meanwhile_stays(
    runtime: Runtime, after_days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await user(runtime, "alice")
    restored, anew, gone = [await trashed(runtime, alice, days_ago=50) for _ in range(3)]
    await runtime.services.trash_retention.run()
    look = trash_queries.expired

    async def look_and_restore(*given: Any, **named: Any) -> Any:
        found = await look(*given, **named)
        for memo_id in {restored, anew} & {each.memo_id for each in found}:
            await runtime.services.trash.restore(alice, memo_id)
            if memo_id == anew:
                await runtime.services.memos.delete(alice, memo_id)
        return found

    monkeypatch.setattr(trash_queries, "expired", look_and_restore)
    after_days(1)
    assert await runtime.services.trash_retention.run() == 1
    assert (await runtime.services.memos.get(alice, restored)).memo_id == restored
    assert await in_trash(runtime, alice) == {anew}
    assert gone not in await in_trash(runtime, alice)
