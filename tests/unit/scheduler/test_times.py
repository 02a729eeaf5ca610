"""When things are due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aimo.errors import ConfigurationError
from aimo.scheduler.cron import cron_trigger
from aimo.services.push.due_hours import due_hours, hour_of_today, parse_hour
from aimo.services.push.message_content import day_bounds

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


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
    trigger = cron_trigger(expression, ZoneInfo("UTC"), "X")
    start = datetime(2026, 1, 5, tzinfo=UTC)
    fired = set()
    moment = start
    for _ in range(14):
        moment = trigger.get_next_fire_time(moment, moment)
        if (moment - start).days >= 7:
            break
        fired.add(str(moment.weekday()))
    assert "".join(sorted(fired)) == days


def test_cron_runs_in_the_local_zone() -> None:
    trigger = cron_trigger("30 2 * * *", ZoneInfo("Asia/Shanghai"), "X")
    fire = trigger.get_next_fire_time(None, datetime(2026, 1, 31, tzinfo=UTC))
    assert fire.astimezone(UTC).strftime("%H:%M") == "18:30"


@pytest.mark.parametrize("expression", ["", "x", "* * * *", "0 0 2 * * *", "0 25 * * *", "61 2 * * *", "0 2 * * 8"])
def test_what_is_no_cron_expression_is_said_with_its_variable(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="DB_OPTIMIZATION_CRON"):
        cron_trigger(expression, ZoneInfo("UTC"), "DB_OPTIMIZATION_CRON")
