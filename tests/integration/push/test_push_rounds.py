"""Every message at most once: claims, retries, and what is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from aimo import clock
from aimo.db.schema import PushDeliveries
from aimo.dto.push_rules import PushRuleBody
from aimo.push.protocol import PushError, PushMessage, PushOutcome
from aimo.services.push.delivery_report import report

from .environment import DUE, ZONE

Open = Callable[..., Any]


async def test_a_message_goes_once_to_every_channel(opened: Open) -> None:
    async with opened() as place:
        await place.rule("a", "b")
        await place.rule("c", enabled=True)
        await place.rule("other hour", push_time=9)
        done = await place.rounds.run(DUE)
        assert place.channel.names == ["a", "b", "c"]
        assert (done.sent, done.failed) == (3, 0)
        again = await place.rounds.run(DUE)
        assert (again.sent, len(place.channel.got)) == (0, 3)
        await place.rounds.run("2026-02-01T08")
        assert place.channel.names[3:] == ["a", "b", "c"]


async def test_rules_switched_off_or_removed_do_not_push(opened: Open) -> None:
    async with opened() as place:
        uid = await place.user()
        off, gone = await place.rule("off", uid=uid), await place.rule("gone", uid=uid)
        await place.rules.update(uid, off, PushRuleBody(enabled=False))
        await place.rules.delete(uid, gone)
        await place.rounds.run(DUE)
        assert place.channel.got == []


async def test_many_at_once_send_each_message_once(opened: Open, migrated_database: dict[str, str]) -> None:
    async with opened() as first, opened() as second:
        for number in range(6):
            await first.rule(f"{number}a", f"{number}b")
        rounds = [place.rounds.run(DUE) for place in (first, second, first, second)]
        done = await asyncio.gather(*rounds)
        assert sum(one.sent for one in done) == 12
        assert sorted(first.channel.names + second.channel.names) == sorted(
            f"{number}{letter}" for number in range(6) for letter in "ab"
        )


async def test_a_target_that_stays_is_not_pushed_again_when_channels_move(opened: Open) -> None:
    async with opened() as place:
        uid = await place.user()
        rule = await place.rule("a", "b", uid=uid)
        await place.rounds.run(DUE)
        moved: list[object] = [{"type": "meow", "nickname": name, "msgType": "html"} for name in ("c", "b", "a")]
        await place.rules.update(uid, rule, PushRuleBody(channels=moved))
        await place.rounds.run(DUE)
        assert place.channel.names == ["a", "b", "c"]


async def test_a_target_named_twice_gets_two(opened: Open) -> None:
    async with opened() as place:
        await place.rule("a", "a")
        await place.rounds.run(DUE)
        await place.rounds.run(DUE)
        assert place.channel.names == ["a", "a"]


async def test_what_was_certainly_not_delivered_is_tried_again(opened: Open) -> None:
    async with opened() as place:
        await place.rule("a", "b")
        place.channel.failures = [PushError("connection refused", PushOutcome.UNAVAILABLE) for _ in range(3)]
        done = await place.rounds.run(DUE)
        assert (done.waiting, place.channel.names) == (2, [])
        assert (await place.rounds.retry([DUE])).sent == 0, "not before its time"
        await place.look_now()
        done = await place.rounds.retry([DUE])
        assert (done.waiting, done.sent) == (1, 1)
        await place.look_now()
        assert (await place.rounds.retry([DUE])).sent == 1
        assert sorted(place.channel.names) == ["a", "b"]
        assert await place.states() == {"sent": None}


async def test_retries_are_limited(opened: Open) -> None:
    async with opened(waits_ms=(1, 1)) as place:
        await place.rule("a")
        place.channel.failures = [PushError("refused", PushOutcome.UNAVAILABLE) for _ in range(9)]
        await place.rounds.run(DUE)
        for _ in range(5):
            await place.look_now()
            await place.rounds.retry([DUE])
        assert len(place.channel.failures) == 6
        assert await place.states() == {"failed": "refused"}


async def test_retries_end_with_the_hour(opened: Open) -> None:
    async with opened() as place:
        await place.rule("a")
        place.channel.failures = [PushError("refused", PushOutcome.UNAVAILABLE)]
        await place.rounds.run(DUE)
        await place.look_now()
        await place.rounds.retry(["2026-01-31T09"])
        assert place.channel.names == []
        assert await place.states() == {"failed": "the hour is over"}


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (PushError("hung up", PushOutcome.UNKNOWN), "unknown"),
        (PushError("no such hook", PushOutcome.REJECTED), "failed"),
        (RuntimeError("a mistake"), "unknown"),
    ],
)
async def test_what_may_have_been_delivered_is_never_tried_again(opened: Open, failure: Exception, state: str) -> None:
    async with opened() as place:
        await place.rule("a", "b")
        place.channel.failures = [failure]
        await place.rounds.run(DUE)
        await place.look_now()
        await place.rounds.retry([DUE])
        await place.rounds.run(DUE)
        assert place.channel.names == ["b"]
        assert set(await place.states()) == {state, "sent"}


async def test_a_message_lost_on_its_way_is_reported_and_not_sent_again(opened: Open) -> None:
    async with opened(lost_after_ms=50) as place:
        await place.rule("a", "b")
        place.channel.failures = [asyncio.CancelledError()]
        with pytest.raises(asyncio.CancelledError):
            await place.rounds.run(DUE)
        assert set(await place.states()) == {"claimed"}
        told = await report(place.database, 0)
        await asyncio.sleep(0.1)
        told = await report(place.database, 0)
        assert told.counts == {"unknown": 1}
        assert [(one.state, one.due) for one in told.trouble] == [("unknown", DUE)]
        assert await place.rounds.mark_lost_deliveries_unknown() == 1
        assert await place.rounds.mark_lost_deliveries_unknown() == 0
        assert await place.states() == {"unknown": "the server was stopped while this message was on its way"}
        await place.rounds.run(DUE)
        assert place.channel.names == ["b"]


async def test_content_is_made_once_for_all_channels_of_a_rule(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as place:
        made = []
        generate = place.content.generate

        async def counted(uid: str, content_type: str) -> PushMessage:
            made.append(uid)
            message: PushMessage = await generate(uid, content_type)
            return message

        monkeypatch.setattr(place.content, "generate", counted)
        await place.rule("a", "b", "c", content_type="daily_pick")
        await place.rounds.run(DUE)
        await place.rounds.run(DUE)
        assert (len(made), len(place.channel.got)) == (1, 3)


async def test_a_rule_whose_content_fails_leaves_the_others_alone_and_may_be_asked_again(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as place:
        broken = await place.user()
        await place.rule("a", uid=broken)
        await place.rule("b")
        generate = place.content.generate

        async def failing(uid: str, content_type: str) -> PushMessage:
            if uid == broken:
                raise RuntimeError("the provider is down")
            message: PushMessage = await generate(uid, content_type)
            return message

        monkeypatch.setattr(place.content, "generate", failing)
        done = await place.rounds.run(DUE)
        assert (done.unprepared, place.channel.names) == (1, ["b"])
        monkeypatch.setattr(place.content, "generate", generate)
        await place.rounds.run(DUE)
        assert place.channel.names == ["b", "a"]


async def test_a_round_can_be_stopped_and_resumed(opened: Open) -> None:
    async with opened() as place:
        for name in "abc":
            await place.rule(name, name + "2")
        await place.rounds.run(DUE, lambda: len(place.channel.got) < 3)
        assert len(place.channel.got) == 3
        await place.rounds.run(DUE)
        assert place.channel.names == ["a", "a2", "b", "b2", "c", "c2"]


async def test_slow_content_of_some_does_not_hold_up_the_others(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as place:
        for number in range(20):
            await place.rule(f"{number:02}")

        async def slow(uid: str, content_type: str) -> PushMessage:
            await asyncio.sleep(0.3)
            return PushMessage("t", "m")

        monkeypatch.setattr(place.content, "generate", slow)
        started = time.monotonic()
        await place.rounds.run(DUE)
        assert time.monotonic() - started < 4, "one after the other takes 6 s"
        assert place.channel.names == [f"{number:02}" for number in range(20)]


async def test_today_is_the_local_day_and_texts_are_escaped(opened: Open) -> None:
    async with opened() as place:
        uid = await place.user()
        now = clock.now_ms()
        day = clock.local_day(ZONE, now)
        for text, at in [("<b>&\"'/</b>\n二", now), ("yesterday", now - 86_400_000), ("later day", now + 86_400_000)]:
            await place.memo(uid, text, at)
        message = await place.content.generate(uid, "daily_memos")
        assert message.title == "今日备忘录 (1条)"
        assert "&lt;b&gt;&amp;&quot;&#x27;&#x2F;&lt;&#x2F;b&gt;\n二" in message.html
        assert "yesterday" not in message.html and "later day" not in message.html
        picks = await place.content.generate(uid, "daily_pick")
        assert picks.title == "今日推荐"
        year, month, date = map(int, day.split("-"))
        assert f"{year}/{month}/{date}<" in picks.html


async def test_an_empty_push_has_a_friendly_text(opened: Open) -> None:
    async with opened() as place:
        uid = await place.user()
        memos = await place.content.generate(uid, "daily_memos")
        assert (memos.title, memos.html) == ("今日备忘录", "<p>今天还没有记录任何备忘录</p>")
        picks = await place.content.generate(uid, "daily_pick")
        assert picks.html == "<p>你还没有记录任何备忘录，来创建一个吧！</p>"


async def test_old_deliveries_are_forgotten(opened: Open) -> None:
    async with opened() as place:
        await place.rule("a")
        await place.rounds.run(DUE)
        await place.rounds.delete_outdated_deliveries()
        assert set(await place.states()) == {"sent"}
        async with place.database.reads() as connection:
            await connection.execute(update(PushDeliveries).values(claimed_at=clock.now_ms() - 31 * 86_400_000))
        await place.rounds.delete_outdated_deliveries()
        assert await place.states() == {}
