"""When things are due."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import AsyncMock
from zoneinfo import ZoneInfo

import pytest

from aimo import clock
from aimo.errors import ConfigurationError
from aimo.scheduler import cron
from aimo.scheduler.cron import CronSchedule
from aimo.services.push.due_hours import due_hours, hour_of_today, parse_hour
from aimo.services.push.message_content import day_bounds

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def moments(expression: str, zone: ZoneInfo, start: str, end: str) -> list[str]:
    """Return the moments of an expression between two others, in UTC to the minute."""
    schedule, found, moment = CronSchedule(expression, zone, "X"), [], ms(start)
    while (following := schedule.next_after(moment)) is not None and following <= ms(end):
        found.append(datetime.fromtimestamp(following / 1000, UTC).strftime("%Y-%m-%dT%H:%M"))
        moment = following
    return found


def test_the_present_hour_is_due() -> None:
    assert due_hours(ZoneInfo("Asia/Shanghai"), ms("2026-01-31T00:00:00")) == ["2026-01-31T08"]
    assert due_hours(ZoneInfo("Asia/Shanghai"), ms("2026-01-31T16:59:59")) == ["2026-02-01T00"]
    assert due_hours(ZoneInfo("Asia/Kolkata"), ms("2026-01-31T00:30:00")) == ["2026-01-31T06"]


def test_an_hour_that_the_clocks_skip_is_due_at_the_next() -> None:
    assert due_hours(BERLIN, ms("2026-03-29T00:30:00")) == ["2026-03-29T01"]
    assert due_hours(BERLIN, ms("2026-03-29T01:00:00")) == ["2026-03-29T02", "2026-03-29T03"]
    assert due_hours(BERLIN, ms("2026-03-29T01:59:00")) == ["2026-03-29T02", "2026-03-29T03"]
    assert due_hours(BERLIN, ms("2026-03-29T02:00:00")) == ["2026-03-29T04"]


def test_an_hour_that_comes_twice_has_one_name() -> None:
    assert due_hours(BERLIN, ms("2026-10-25T00:30:00")) == due_hours(BERLIN, ms("2026-10-25T01:30:00"))


def test_an_hour_of_today_is_one_of_the_local_day() -> None:
    due = hour_of_today(ZoneInfo("Asia/Shanghai"), ms("2026-01-31T20:00:00"), 5)
    assert (due, parse_hour(due)) == ("2026-02-01T05", 5)


def test_days_have_the_hours_that_clocks_give_them() -> None:
    lengths = {
        day: (end - start) // 3_600_000
        for day in ("2026-03-29", "2026-10-25", "2026-06-01")
        for start, end in [day_bounds(BERLIN, ms(f"{day}T12:00:00"))]
    }
    assert lengths == {"2026-03-29": 23, "2026-10-25": 25, "2026-06-01": 24}


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 2 * * *", "0123456"),
        ("0 2 * * 0", "6"),
        ("0 2 * * 7", "6"),
        ("0 2 * * 1-5", "01234"),
        ("0 2 * * 0-6", "0123456"),
        ("0 2 * * 5-7", "456"),
        ("0 2 * * */2", "1356"),
        ("0 2 * * sun,wed", "26"),
        ("0 2 * * MON-FRI/2", "024"),
    ],
)
def test_days_of_the_week_count_from_sunday(expression: str, days: str) -> None:
    assert moments(expression, ZoneInfo("UTC"), "2026-01-05T00:00:00", "2026-01-11T23:59:59") == [
        f"2026-01-{5 + int(day):02}T02:00" for day in days
    ]


def test_cron_runs_in_the_local_zone() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    assert moments("30 2 * * *", shanghai, "2026-01-31T00:00:00", "2026-02-01T00:00:00") == ["2026-01-31T18:30"]


def test_cron_runs_once_in_nights_that_clocks_change() -> None:
    skipped = moments("30 2 * * *", BERLIN, "2026-03-28T12:00:00", "2026-03-30T12:00:00")
    assert skipped == ["2026-03-29T01:00", "2026-03-30T00:30"]
    doubled = moments("30 2 * * *", BERLIN, "2026-10-24T12:00:00", "2026-10-26T12:00:00")
    assert doubled == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_a_question_mark_restricts_nothing() -> None:
    found = moments("0 2 ? * ?", ZoneInfo("UTC"), "2026-01-05T00:00:00", "2026-01-06T12:00:00")
    assert found == ["2026-01-05T02:00", "2026-01-06T02:00"]


@pytest.mark.parametrize(
    ("looks", "runs"),
    [
        (["01:59:50", "02:00:01", "02:00:11"], 1),
        (["01:50:00", "02:20:00"], 1),  # the machine slept
        (["01:00:00", "02:31:00"], 0),  # too long ago to be made up for
        (["01:59:59", "02:00:00", "01:59:58", "02:00:02"], 2),  # the clock was put back
        (["03:00:00", "01:00:00", "01:30:00"], 0),
    ],
)
async def test_work_is_done_at_its_moments_whatever_the_clock_does(
    looks: list[str], runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = iter([ms(f"2026-01-05T{look}") for look in looks])
    monkeypatch.setattr(clock, "now_ms", lambda: next(shown))
    monkeypatch.setattr(cron, "_LOOK_SECONDS", 0)
    done = 0

    async def work() -> None:
        nonlocal done
        done += 1

    with pytest.raises(RuntimeError, match="StopIteration"):
        await CronSchedule("0 2 * * *", ZoneInfo("UTC"), "X").run(work)
    assert done == runs


async def test_a_clock_that_was_a_year_ahead_delays_no_night(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = iter([ms("2027-02-05T01:00:00"), ms("2026-01-05T01:00:00"), ms("2026-01-05T02:00:00")])
    monkeypatch.setattr(clock, "now_ms", lambda: next(shown))
    monkeypatch.setattr(cron, "_LOOK_SECONDS", 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await CronSchedule("0 2 * * *", ZoneInfo("UTC"), "X").run(work := AsyncMock())
    work.assert_awaited_once()


@pytest.mark.parametrize("expression", ["", "x", "* * * *", "0 0 2 * * *", "0 25 * * *", "61 2 * * *", "0 2 * * 8"])
def test_what_is_no_cron_expression_is_said_with_its_variable(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="DB_OPTIMIZATION_CRON"):
        CronSchedule(expression, ZoneInfo("UTC"), "DB_OPTIMIZATION_CRON")
