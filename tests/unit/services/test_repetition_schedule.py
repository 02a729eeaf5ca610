"""Reviews are planned by SM-2, as clients know it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aimo import clock
from aimo.db.queries.cards import CardRow
from aimo.services.repetition.schedule import days_later, reviewed, tomorrow_morning

SHANGHAI = ZoneInfo("Asia/Shanghai")
FRESH = CardRow("c", "u", "m", 2.5, 1, 0, 0, 0, None, 0)


def instant(text: str) -> int:
    return clock.to_ms(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None))


def test_answers_lengthen_the_interval_as_the_table_says() -> None:
    card, seen = FRESH, []
    for quality in ("mastered",) * 4 + ("remembered", "fuzzy", "forgot", "fuzzy"):
        card = reviewed(card, quality, 0, SHANGHAI)
        seen.append((card.ease_factor, card.interval_days, card.repetitions, card.lapse_count))
    assert seen == [
        (2.6, 1, 1, 0),
        (2.7, 6, 2, 0),
        (2.8, 21, 3, 0),
        (2.9, 76, 4, 0),
        (2.9, 220, 5, 0),
        (2.76, 365, 6, 0),
        (2.22, 1, 0, 1),
        (2.08, 1, 1, 1),
    ]


def test_what_is_always_forgotten_stays_at_the_least_ease() -> None:
    card = FRESH
    for _ in range(12):
        card = reviewed(card, "forgot", 0, SHANGHAI)
    assert (card.ease_factor, card.interval_days, card.lapse_count) == (1.3, 1, 12)
    assert reviewed(card, "forgot", 0, SHANGHAI).ease_factor == 1.3


def test_halves_are_rounded_up() -> None:
    # 5 days at 2.5 are 12.5.
    card = FRESH._replace(interval_days=5, repetitions=2, ease_factor=2.5)
    assert reviewed(card, "remembered", 0, SHANGHAI).interval_days == 13


@pytest.mark.parametrize(
    ("zone", "now", "days", "then"),
    [
        ("Asia/Shanghai", "2026-12-30T23:30:00+08:00", 6, "2027-01-05T23:30:00+08:00"),
        ("Europe/Berlin", "2026-03-28T12:00:00+01:00", 1, "2026-03-29T12:00:00+02:00"),
        ("Europe/Berlin", "2026-10-24T12:00:00+02:00", 1, "2026-10-25T12:00:00+01:00"),
        # 02:30 is skipped on that day.
        ("Europe/Berlin", "2026-03-28T02:30:00+01:00", 1, "2026-03-29T03:30:00+02:00"),
        ("Asia/Shanghai", "2024-02-28T08:00:00+08:00", 365, "2025-02-27T08:00:00+08:00"),
    ],
)
def test_days_are_calendar_days_at_the_same_local_time(zone: str, now: str, days: int, then: str) -> None:
    assert days_later(instant(now), days, ZoneInfo(zone)) == instant(then)


def test_a_fresh_card_is_due_tomorrow_at_eight() -> None:
    assert tomorrow_morning(instant("2026-12-31T23:59:00+08:00"), SHANGHAI) == instant("2027-01-01T08:00:00+08:00")
    assert tomorrow_morning(instant("2026-12-31T00:01:00+08:00"), SHANGHAI) == instant("2027-01-01T08:00:00+08:00")


def test_a_card_far_in_the_future_stays_within_what_can_be_stored() -> None:
    assert days_later(clock.LATEST_MS - 1000, 1, ZoneInfo("UTC")) <= clock.LATEST_MS
