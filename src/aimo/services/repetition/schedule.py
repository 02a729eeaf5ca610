"""SM-2: when a memo is to be reviewed again (docs/contract/spaced-repetition.md#schedule).

The algorithm is P. A. Woźniak's SuperMemo 2 with two changes that clients know: an answer known at once lengthens the
interval by 1.3, and no interval is longer than a year.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aimo import clock, ids
from aimo.db.queries.cards import CardRow, NewCard

QUALITIES: Final = {"mastered": 5, "remembered": 4, "fuzzy": 3, "forgot": 1}
"""What the answers that change a card are worth."""

FIRST_HOUR: Final = 8
"""Local hour of the next day at which a fresh card is due, and of a day's reminders."""

LONGEST_DAYS: Final = 365
"""No card is due later than so many days after an answer."""

_LEAST_EASE: Final = 1.3
_MASTERED_FACTOR: Final = 1.3
# A half that binary fractions miss by a hair is rounded up all the same.
_HAIR: Final = 1e-9


def reviewed(card: CardRow, quality: str, now: int, zone: ZoneInfo) -> CardRow:
    """Return what an answer of this quality, a key of `QUALITIES`, makes of a card at a moment (epoch milliseconds)."""
    worth = QUALITIES[quality]
    missed = 5 - worth
    ease = max(_LEAST_EASE, round(card.ease_factor + 0.1 - missed * (0.08 + missed * 0.02), 4))
    if quality == "forgot":
        repetitions, days, lapses = 0, 1, card.lapse_count + 1
    else:
        repetitions, lapses = card.repetitions + 1, card.lapse_count
        days = {1: 1, 2: 6}.get(repetitions) or _longer(card, quality)
    days = min(days, LONGEST_DAYS)
    return card._replace(
        ease_factor=ease,
        interval_days=days,
        repetitions=repetitions,
        lapse_count=lapses,
        next_review_at=days_later(now, days, zone),
        last_review_at=now,
    )


def _longer(card: CardRow, quality: str) -> int:
    factor = _MASTERED_FACTOR if quality == "mastered" else 1.0
    return math.floor(min(card.interval_days, LONGEST_DAYS) * card.ease_factor * factor + 0.5 + _HAIR)


def fresh_card(uid: str, memo_id: str, seq: int, zone: ZoneInfo) -> NewCard:
    """Return the card of a new memo, which is due tomorrow morning; ``seq`` is the memo's."""
    now = clock.now_ms()
    return NewCard(
        card_id=ids.card_id(),
        uid=uid,
        memo_id=memo_id,
        next_review_at=tomorrow_morning(now, zone),
        seq=seq,
        created_at=now,
    )


def days_later(now: int, days: int, zone: ZoneInfo) -> int:
    """Return the moment that many calendar days later at the same local time, in epoch milliseconds.

    Where that time is skipped, it is as much later as clocks go forward.
    """
    local = clock.to_datetime(now).replace(tzinfo=UTC).astimezone(zone)
    try:
        return _instant(local + timedelta(days=days))
    except OverflowError:
        return clock.LATEST_MS


def tomorrow_morning(now: int, zone: ZoneInfo) -> int:
    """Return when a fresh card is due: `FIRST_HOUR` of the next local day, in epoch milliseconds."""
    local = clock.to_datetime(now).replace(tzinfo=UTC).astimezone(zone)
    return _instant(datetime.combine(local.date() + timedelta(days=1), time(FIRST_HOUR), zone))


def _instant(local: datetime) -> int:
    return clock.within_range(clock.to_ms(local.astimezone(UTC).replace(tzinfo=None)))
