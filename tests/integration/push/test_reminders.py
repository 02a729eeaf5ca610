"""Users are reminded of reviews once a local day, in the application and through their push rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import pytest
from sqlalchemy import insert, select, update

from aimo import clock, ids
from aimo.db.queries import notifications as notification_queries
from aimo.db.schema import InAppNotifications, Memos, SpacedRepetitionCards, Users
from aimo.push.protocol import PushError, PushOutcome
from aimo.services.repetition.reminders import Reminders

from .environment import ZONE, Place

# 2026-03-02, 09:00 in Shanghai.
MORNING = 1_772_413_200_000
HOUR = 3_600_000


def reminders(place: Place, push: Literal["summary", "each"] = "summary", url: str = "https://a.test/") -> Reminders:
    return Reminders(place.database, place.channels, zone=ZONE, url=url, push=push)


async def learner(place: Place, *contents: str, limit: int = 5) -> str:
    """Make a user with a due card for each of these memos, and a push rule."""
    uid = await place.user()
    async with place.database.reads() as connection:
        await connection.execute(update(Users).where(Users.uid == uid).values(sr_enabled=True, sr_daily_limit=limit))
        for number, content in enumerate(contents):
            memo_id = ids.memo_id()
            await connection.execute(insert(Memos).values(memo_id=memo_id, uid=uid, content=content, seq=number))
            card = {"card_id": ids.card_id(), "uid": uid, "memo_id": memo_id, "seq": number, "next_review_at": 1000}
            await connection.execute(insert(SpacedRepetitionCards).values(card))
    await place.rule("phone", uid=uid, push_time=3)
    return uid


async def told(place: Place, uid: str) -> list[tuple[str, str]]:
    async with place.database.reads() as connection:
        rows = await notification_queries.newest(connection, owner=uid)
    return [(row.title, row.body) for row in rows]


@pytest.fixture
async def place(opened: Callable[..., Any]) -> AsyncIterator[Place]:
    async with opened() as place:
        yield place


@pytest.fixture(autouse=True)
def morning(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, MORNING)


def at(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: now)


async def test_each_card_is_a_notification_and_all_are_one_push(place: Place) -> None:
    uid = await learner(place, "<b>one</b>\nmore", "  ", "three")
    assert await reminders(place).run(lambda: True) == 1
    assert sorted(await told(place, uid)) == [
        ("📚 复习提醒", "《<b>one</b>》\n<b>one</b>\nmore\n查看笔记：https://a.test/review"),
        ("📚 复习提醒", "《three》\nthree\n查看笔记：https://a.test/review"),
        ("📚 复习提醒", "《无标题》\n  \n查看笔记：https://a.test/review"),
    ]
    ((name, message),) = place.channel.got
    assert name == "phone"
    assert message.html == (
        "今天有 3 条笔记待复习：<br>《&lt;b&gt;one&lt;/b&gt;》<br>《无标题》<br>《three》<br>查看笔记：https://a.test/review"
    )


async def test_a_setting_pushes_each_card_and_no_address_is_left_out(place: Place) -> None:
    await learner(place, "one", "two")
    await reminders(place, "each", url="").run(lambda: True)
    assert [message.html for _, message in place.channel.got] == ["《one》<br>one", "《two》<br>two"]


async def test_a_user_is_reminded_once_a_day_and_a_missed_morning_is_made_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await learner(place, "one")
    at(monkeypatch, MORNING - 2 * HOUR)
    assert await reminders(place).run(lambda: True) == 0
    at(monkeypatch, MORNING + 12 * HOUR)
    assert await reminders(place).run(lambda: True) == 1
    assert await reminders(place).run(lambda: True) == 0
    at(monkeypatch, MORNING + 24 * HOUR)
    assert await reminders(place).run(lambda: True) == 1
    assert len(await told(place, uid)) == 2


async def test_a_clock_that_was_ahead_silences_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = await learner(place, "one")
    at(monkeypatch, MORNING + 400 * 24 * HOUR)
    await reminders(place).run(lambda: True)
    at(monkeypatch, MORNING)
    assert await reminders(place).run(lambda: True) == 1
    assert len(await told(place, uid)) == 2


async def test_the_limit_counts_only_memos_that_are_there(place: Place) -> None:
    uid = await learner(place, *(f"memo {number}" for number in range(6)), limit=3)
    async with place.database.reads() as connection:
        gone = (await connection.execute(select(Memos.memo_id).where(Memos.uid == uid, Memos.seq < 2))).scalars().all()
        await connection.execute(update(Memos).where(Memos.memo_id.in_(gone)).values(deleted_at=5))
    await reminders(place).run(lambda: True)
    assert sorted(body[:8] for _, body in await told(place, uid)) == ["《memo 2》", "《memo 3》", "《memo 4》"]


async def test_a_failing_channel_and_a_failing_user_keep_nobody_else_waiting(place: Place) -> None:
    await learner(place, "one")
    await learner(place, "two")
    place.channel.failures = [PushError("gone", PushOutcome.REJECTED), RuntimeError("unexpected")]
    await reminders(place).run(lambda: True)
    assert await reminders(place).run(lambda: True) == 0


async def test_nobody_is_reminded_who_does_not_want_it_or_has_nothing_due(place: Place) -> None:
    silent = await learner(place, "one")
    idle = await learner(place)
    async with place.database.reads() as connection:
        await connection.execute(update(Users).where(Users.uid == silent).values(sr_enabled=False))
    assert await reminders(place).run(lambda: True) == 0
    assert await told(place, silent) == await told(place, idle) == []
    assert place.channel.got == []


async def test_at_most_fifty_notifications_of_a_user_are_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = await learner(place, *(f"memo {number}" for number in range(30)), limit=30)
    for day in range(3):
        at(monkeypatch, MORNING + day * 24 * HOUR)
        await reminders(place).run(lambda: True)
    async with place.database.reads() as connection:
        rows = (
            await connection.execute(select(InAppNotifications.created_at).where(InAppNotifications.uid == uid))
        ).all()
        unread = await notification_queries.count_unread(connection, owner=uid)
    assert (len(rows), unread) == (50, 50)
    assert sum(moment == MORNING for (moment,) in rows) == 0
