"""A user whose channels are slow does not hold up the others (docs/push.md)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from aimo import clock
from aimo.db.schema import PushRules
from aimo.push.protocol import PushError, PushOutcome
from aimo.scheduler.service import Scheduler
from aimo.services.push import delivery_rounds as push_rounds
from aimo.services.push.delivery_report import report
from aimo.services.push.due_hours import due_hours, parse_hour
from aimo.services.push.rules import MOST_CHANNELS
from aimo.services.sync.lease import LeaseRow

from .environment import DUE, Place

Open = Callable[..., Any]

# Shorter than a slow channel takes: one of its messages is a turn.
TURN = 0.05
SLOW = [f"slow {letter}{number}" for letter in "xy" for number in range(3)]


async def slow_rules(place: Place, **values: Any) -> None:
    """Two rules of one user with three slow channels each."""
    uid = await place.user()
    for names in (SLOW[:3], SLOW[3:]):
        await place.rule(*names, uid=uid, **values)


@asynccontextmanager
async def scheduling(place: Place, zone: ZoneInfo) -> AsyncIterator[Scheduler]:
    async def upkeep() -> None:
        """Nothing to look after."""

    lease = LeaseRow(place.database, "scheduler", seconds=10)
    scheduler = Scheduler(lease, place.rounds, upkeep, AsyncMock(), zone=zone, upkeep_cron="0 2 * * *")
    await scheduler.start()
    try:
        yield scheduler
    finally:
        await scheduler.stop()


async def arrived(place: Place, name: str, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while name not in place.channel.names:
            await asyncio.sleep(0.02)


@pytest.fixture
def zone() -> ZoneInfo:
    """A zone in which the present hour does not end during the test."""
    return ZoneInfo("Asia/Kolkata" if time.gmtime().tm_min >= 50 else "Asia/Shanghai")


async def test_one_users_slow_channels_delay_others_by_one_time_share_only(opened: Open) -> None:
    async with opened() as place:
        await slow_rules(place)
        await place.rule("alice")
        done = await place.rounds.run(DUE, turn_seconds=TURN)
        assert place.channel.names == [SLOW[0], "alice"]
        assert (done.sent, done.waiting) == (2, 5)
        told = await report(place.database, 0)
        assert {(one.state, one.reason, one.attempts) for one in told.trouble} == {
            ("waiting", "earlier messages of this user took long", 0)
        }
        while (await place.rounds.retry([DUE], turn_seconds=TURN)).sent:
            pass
        assert sorted(place.channel.names) == sorted([*SLOW, "alice"])
        assert await place.states() == {"sent": None}


async def test_many_waiting_messages_of_one_user_leave_time_for_others(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_rounds, "_GROUP", 2)
    async with opened(waits_ms=(1000,)) as place:
        await place.rule("alice")
        await slow_rules(place)
        place.channel.failures = [PushError("refused", PushOutcome.UNAVAILABLE)]
        await place.rounds.run(DUE, turn_seconds=TURN)
        assert place.channel.names == [SLOW[0]]
        await asyncio.sleep(1.1)
        await place.rounds.retry([DUE], turn_seconds=TURN)
        assert place.channel.names[2:] == ["alice"]


async def test_deferred_messages_expire_with_the_hour(opened: Open) -> None:
    async with opened() as place:
        await slow_rules(place)
        await place.rounds.run(DUE, turn_seconds=TURN)
        done = await place.rounds.retry(["2026-01-31T09"])
        assert (done.failed, place.channel.names) == (5, SLOW[:1])
        assert await place.states() == {"sent": None, "failed": "the hour is over"}


async def test_concurrent_retries_send_a_deferred_message_once(opened: Open) -> None:
    async with opened() as first, opened() as second:
        await slow_rules(first)

        async def work(place: Place) -> None:
            await place.rounds.run(DUE, turn_seconds=TURN)
            for _ in SLOW:
                await place.rounds.retry([DUE], turn_seconds=TURN)

        await asyncio.gather(*(work(place) for place in (first, second, first, second)))
        assert sorted(first.channel.names + second.channel.names) == SLOW


async def test_messages_are_deferred_only_with_a_time_share(opened: Open) -> None:
    async with opened() as place:
        await slow_rules(place)
        assert (await place.rounds.run(DUE)).sent == len(SLOW)


async def test_a_server_sends_within_the_hour_what_it_put_off(
    opened: Open, zone: ZoneInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimo.scheduler.service._TURN_SECONDS", TURN)
    async with opened() as place:
        hour = parse_hour(due_hours(zone, clock.now_ms())[-1])
        await slow_rules(place, push_time=hour)
        await place.rule("alice", push_time=hour)
        async with scheduling(place, zone):
            await arrived(place, "alice")
            assert len(place.channel.got) == 2
            for name in SLOW:
                await arrived(place, name)
        assert sorted(place.channel.names) == sorted([*SLOW, "alice"])


async def test_a_new_hour_goes_before_what_is_tried_again(
    opened: Open, zone: ZoneInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(waits_ms=(1, 1)) as place:
        hour = parse_hour(due_hours(zone, clock.now_ms())[-1])
        for name in SLOW:
            await place.rule(name, push_time=hour)
        await place.rule("alice", push_time=(hour + 1) % 24)
        place.channel.failures = [PushError("refused", PushOutcome.UNAVAILABLE) for _ in SLOW]
        async with scheduling(place, zone):
            async with asyncio.timeout(20):
                while place.channel.failures:
                    await asyncio.sleep(0.02)
            place.channel.slow_seconds = 0.4
            async with asyncio.timeout(20):
                while not place.channel.got:
                    await asyncio.sleep(0.02)
            now = clock.now_ms
            monkeypatch.setattr(clock, "now_ms", lambda: now() + 3_600_000)
            await arrived(place, "alice")
            assert len(place.channel.got) <= 4


async def test_a_rule_with_more_channels_than_new_ones_may_have_still_works(opened: Open) -> None:
    async with opened() as place:
        uid = await place.user()
        rule = await place.rule("a", uid=uid)
        channels = [{"type": "meow", "nickname": str(number)} for number in range(MOST_CHANNELS + 5)]
        async with place.database.reads() as connection:
            await connection.execute(update(PushRules).values(channels=channels))
        assert (await place.rules.get(uid, rule)).channels == channels
        assert (await place.rounds.run(DUE)).sent == len(channels)
        await place.rules.delete(uid, rule)
        assert await place.rules.all(uid) == []
