"""A clock that was ahead once, or is put back, makes nobody wait for longer than a rule does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from tests.integration.push.environment import DUE, Place
from tests.support.waiting import eventually_async
from tests.support.wrong_clock import put_clock

from aimo import clock
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.queries import notifications
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries.notifications import NewNotification
from aimo.db.schema import Leases, OutboxEntries, PushDeliveries, Users
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code, RateLimitExceeded
from aimo.push.protocol import PushError, PushOutcome
from aimo.runtime import Runtime
from aimo.services.accounts.sessions import Device
from aimo.services.sync import embedding_queue, rebuild, service
from aimo.services.sync.lease import LeaseRow
from aimo.services.trusted_clock import TrustedClock
from aimo.storage.scratch import prepare_scratch

Make = Callable[..., Settings]

DAY_MS = 86_400_000
AHEAD_MS = 400 * DAY_MS
HOME = Device(address="192.0.2.7")


@pytest.fixture
async def database(settings: Make, migrated_database: dict[str, str]) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**migrated_database))
    yield opened
    await opened.close()


@pytest.mark.parametrize("by_ms", [-AHEAD_MS, AHEAD_MS])
async def test_a_clock_that_jumps_takes_no_lease_from_its_holder(
    database: Database, monkeypatch: pytest.MonkeyPatch, by_ms: int
) -> None:
    holder, other = LeaseRow(database, "role", seconds=0.8), LeaseRow(database, "role", seconds=0.8)
    monkeypatch.setattr("aimo.services.sync.lease._holder_is_gone", lambda _: False)
    await holder.start()
    put_clock(monkeypatch, by_ms)
    await other.start()
    await asyncio.sleep(1.5)
    assert (holder.held, other.held) == (True, False)
    await holder.stop()
    await eventually_async(other.taken.wait, timeout=2)
    await other.stop()


async def test_a_clock_that_stands_still_takes_no_lease_from_its_holder(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: 1_700_000_000_000)
    monkeypatch.setattr("aimo.services.sync.lease._holder_is_gone", lambda _: False)
    holder, other = LeaseRow(database, "role", seconds=0.8), LeaseRow(database, "role", seconds=0.8)
    await holder.start()
    await other.start()
    await asyncio.sleep(1.5)
    assert (holder.held, other.held) == (True, False)
    await other.stop()
    await holder.stop()


@pytest.mark.parametrize("expires_in_ms", [-AHEAD_MS, 0, AHEAD_MS])
async def test_the_lease_of_a_dead_holder_is_taken_after_its_time_whatever_its_row_says(
    database: Database, expires_in_ms: int
) -> None:
    row = {"name": "role", "holder": "another machine|1", "expires_at": clock.now_ms() + expires_in_ms}
    async with database.reads() as connection:
        await connection.execute(insert(Leases).values(row))
    lease = LeaseRow(database, "role", seconds=0.4)
    await lease.start()
    assert not lease.held, "it may be alive, with another clock"
    await eventually_async(lease.taken.wait, timeout=2)
    await lease.stop()


async def test_entries_of_a_clock_that_was_ahead_are_healed_and_others_keep_waiting(database: Database) -> None:
    now, hour = clock.now_ms(), 3_600_000
    waits = {
        "ahead": (now + AHEAD_MS, 0, 0),
        "ahead and failed": (now + AHEAD_MS, 3, 0),
        "a little ahead": (now + 2 * outbox_queries.HELD_MS, 0, 0),
        "ahead without end": (outbox_queries.SET_ASIDE_UNTIL, 0, 0),
        "held": (now + 30_000, 0, 0),
        "refused": (now + hour // 2, 4, 0),
        "set aside": (outbox_queries.SET_ASIDE_UNTIL, 0, outbox_queries.MOST_CRASHES),
    }
    async with database.reads() as connection:
        for name, (next_try, attempts, crashes) in waits.items():
            row = {"kind": "memo", "entity_id": name, "uid": "u", "created_at": now, "next_try_at": next_try}
            await connection.execute(insert(OutboxEntries).values(row | {"attempts": attempts, "crashes": crashes}))
        beyond = await outbox_queries.beyond_their_rule(connection, now=now, limit=10)
        assert {each.entity_id for each in beyond} == {each for each in waits if "ahead" in each}
        assert await outbox_queries.heal(connection, now=now) == 4
        due = await outbox_queries.due(connection, now=now, limit=10)
        assert {each.entity_id for each in due} == {each for each in waits if "ahead" in each}
        assert await outbox_queries.heal(connection, now=now) == 0


def test_no_rule_of_the_outbox_waits_longer_than_healing_allows() -> None:
    waits = (
        *embedding_queue._REFUSAL_WAITS_MS,
        *service._FAILURE_WAITS_MS,
        *rebuild.RETRY_WAITS_MS,
        service._WRONG_MODEL_WAIT_MS,
    )
    assert max(waits) <= outbox_queries.LONGEST_WAIT_MS
    assert service.GRACE_MS <= outbox_queries.HELD_MS


async def test_counters_of_a_clock_that_was_ahead_count_nothing(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local", RATE_LIMIT=True)) as runtime:
        accounts = runtime.services.accounts
        await accounts.register(RegisterBody(email="a@example.test", password="correct horse"))
        with monkeypatch.context() as ahead:
            put_clock(ahead, AHEAD_MS)
            for _ in range(10):
                with pytest.raises(AimoError) as failure:
                    await accounts.log_in("a@example.test", "wrong", device=HOME)
                assert failure.value.code is Code.PASSWORD_ERROR
            with pytest.raises(RateLimitExceeded) as refused:
                await accounts.log_in("a@example.test", "correct horse", device=HOME)
            assert (refused.value.retry_after or 0) <= 900
        assert (await accounts.log_in("a@example.test", "correct horse", device=HOME)).token


async def test_pushes_of_a_clock_that_was_ahead_are_tried_again_or_told(tmp_path: Path, database: Database) -> None:
    place = Place(database)
    rule = await place.rule("a", "b")
    place.channel.failures = [PushError("refused", PushOutcome.UNAVAILABLE)]
    assert (await place.rounds.run(DUE)).waiting == 1
    async with database.reads() as connection:
        await connection.execute(update(PushDeliveries).values(retry_at=clock.now_ms() + AHEAD_MS))
    assert (await place.rounds.retry([DUE])).sent == 1
    async with database.reads() as connection:
        values = {"state": "claimed", "retry_at": clock.now_ms() + AHEAD_MS}
        await connection.execute(update(PushDeliveries).where(PushDeliveries.rule_id == rule).values(values))
    assert await place.rounds.mark_lost_deliveries_unknown() == 2


async def test_pushes_made_by_a_clock_that_was_ahead_do_not_stand_for_those_to_come(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(database)
    await place.rule("a")
    with monkeypatch.context() as ahead:
        put_clock(ahead, AHEAD_MS)
        assert (await place.rounds.run(DUE)).sent == 1
    await place.rounds.delete_outdated_deliveries()
    assert (await place.rounds.run(DUE)).sent == 1
    await place.rounds.delete_outdated_deliveries()
    assert (await place.rounds.run(DUE)).sent == 0


async def test_new_notifications_are_kept_beside_those_of_a_clock_that_was_ahead(database: Database) -> None:
    now = clock.now_ms()

    def made(name: str, at: int) -> NewNotification:
        return NewNotification(name, "u", "t", "title", "body", None, clock.next_sequence(), at)

    async with database.engine.begin() as connection:
        await connection.execute(insert(Users).values(uid="u", password="-", salt="-"))
        ahead = [made(f"ahead{number}", now + AHEAD_MS) for number in range(notifications.KEPT)]
        await notifications.create(connection, ahead, owner="u")
        await notifications.create(connection, [made("new", now)], owner="u")
    async with database.reads() as connection:
        kept = {row.notification_id for row in await notifications.newest(connection, owner="u")}
    assert "new" in kept
    assert len(kept) == notifications.KEPT


async def test_sessions_opened_by_a_clock_that_was_ahead_end_before_others(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        accounts, sessions = runtime.services.accounts, runtime.services.sessions
        await accounts.register(RegisterBody(email="a@example.test", password="correct horse"))

        async def log_in() -> str:
            return (await accounts.log_in("a@example.test", "correct horse", device=HOME)).token

        monkeypatch.setattr("aimo.services.accounts.sessions.MOST_SESSIONS", 3)
        with monkeypatch.context() as ahead:
            put_clock(ahead, AHEAD_MS)
            for _ in range(3):
                await log_in()
        tokens = [await log_in() for _ in range(3)]
        for token in tokens:
            claims = runtime.services.tokens.read(token)
            assert claims is not None
            assert await sessions.authenticate(claims) is not None


def test_uploads_left_by_a_clock_that_was_ahead_are_removed(tmp_path: Path) -> None:
    seconds = clock.now_ms() / 1000
    for name, moment in (("ahead", seconds + 400 * 86_400), ("old", seconds - 2 * 86_400), ("new", seconds + 60)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (moment, moment))
    prepare_scratch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


async def test_a_clock_that_was_behind_for_a_night_stops_no_nightly_work(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = TrustedClock(database, "work")
    start = clock.now_ms()

    async def night(days: float) -> tuple[float, bool] | None:
        with monkeypatch.context() as patched:
            patched.setattr(clock, "now_ms", lambda: start + int(days * DAY_MS))
            found = await trusted.look()
        return None if found is None else (round((found.at - start) / DAY_MS, 1), found.is_behind)

    assert await night(0) is None
    assert await night(1) == (1, False)
    assert await night(-20_000) == (-20_000, True)
    assert await night(2) == (2, False)
    # Far ahead: two days a night. When it is right again that is believed after a second night.
    assert [await night(days) for days in (402, 403)] == [(4, False), (6, False)]
    assert [await night(days) for days in (3, 4, 5)] == [(3, True), (4, True), (5, False)]
