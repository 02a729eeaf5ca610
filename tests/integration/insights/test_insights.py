"""When memos were written, on real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aimo import clock
from aimo.config import Settings
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime

Make = Callable[..., Settings]
ZONE = ZoneInfo("Asia/Shanghai")
DAY_MS = 86_400_000


@pytest.fixture
async def runtime(settings: Make, migrated_database: dict[str, str]) -> AsyncIterator[Runtime]:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as opened:
        yield opened


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def write(runtime: Runtime, uid: str, content: str, at: int) -> str:
    return (await runtime.services.memos.create(uid, MemoBody(content=content, created_at=at))).memo_id


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> int:
    """Stop the clock at a local time."""
    local = datetime.fromisoformat(moment).replace(tzinfo=ZONE)
    now = round(local.timestamp() * 1000)
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    return now


def ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).replace(tzinfo=ZONE).timestamp() * 1000)


async def test_activity_counts_by_utc_days_within_the_exact_window(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
    now = at(monkeypatch, "2026-03-10T07:00:00")
    await write(runtime, alice, "just now", now)
    await write(runtime, alice, "local midnight is still the day before in UTC", ms("2026-03-10T00:30:00"))
    await write(runtime, alice, "another UTC day", ms("2026-03-09T07:59:59"))
    await write(runtime, alice, "first instant", now - 7 * DAY_MS)
    await write(runtime, alice, "too old", now - 7 * DAY_MS - 1)
    await write(runtime, alice, "to come", now + 1)
    await write(runtime, bob, "somebody else's", now)
    found = await runtime.services.insights.activity(alice, 7)
    assert [(day.date, day.count) for day in found.items] == [
        ("2026-03-02", 1),
        ("2026-03-08", 1),
        ("2026-03-09", 2),
    ]
    assert (found.start_date, found.end_date) == ("2026-03-02", "2026-03-09")
    found = await runtime.services.insights.activity(alice, 1.5)
    assert [(day.date, day.count) for day in found.items] == [("2026-03-08", 1), ("2026-03-09", 2)]
    assert found.start_date == "2026-03-08"


async def test_this_day_of_other_years_counts_in_the_servers_zone(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await user(runtime, "alice"), await user(runtime, "bob")
    at(monkeypatch, "2026-01-01T00:10:00")
    await write(runtime, alice, "today", ms("2026-01-01T00:05:00"))
    await write(runtime, alice, "last second", ms("2025-01-01T23:59:59"))
    await write(runtime, alice, "first second", ms("2025-01-01T00:00:00"))
    await write(runtime, alice, "eve", ms("2024-12-31T23:59:59"))
    await write(runtime, alice, "day after", ms("2025-01-02T00:00:00"))
    await write(runtime, alice, "long ago", ms("1925-01-01T12:00:00"))
    await write(runtime, alice, "future", ms("2031-01-01T12:00:00"))
    await write(runtime, bob, "somebody else's", ms("2025-01-01T12:00:00"))
    found = await runtime.services.insights.on_this_day(alice)
    assert [(item.content, item.year) for item in found.items] == [
        ("future", 2031),
        ("last second", 2025),
        ("first second", 2025),
        ("long ago", 1925),
    ]
    assert (found.total, found.today_month_day) == (4, "01-01")


async def test_this_day_shows_ten_of_the_latest_years(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await user(runtime)
    at(monkeypatch, "2024-02-29T12:00:00")
    for year in range(1960, 2024, 4):
        await write(runtime, alice, str(year), ms(f"{year}-02-29T12:00:00"))
        await write(runtime, alice, "not this day", ms(f"{year}-02-28T12:00:00"))
    found = await runtime.services.insights.on_this_day(alice)
    assert [item.year for item in found.items] == list(range(2020, 1980, -4))


async def test_a_user_without_memos_has_no_insights(runtime: Runtime) -> None:
    alice = await user(runtime)
    assert (await runtime.services.insights.activity(alice, 365)).items == []
    assert (await runtime.services.insights.on_this_day(alice)).items == []
