"""Which memos a review may ask about (docs/contract/reviews.md#which-memos)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aimo import clock, ids
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import review_draws as draw_queries
from aimo.db.queries import tags as tag_queries
from aimo.db.queries.review_draws import SLOTS, DrawShape
from aimo.errors import AimoError, Code
from aimo.js_coercion import integer_prefix
from aimo.services.memos.name_keys import name_key
from aimo.services.reviews.rules import DEFAULT_DAYS, Rule

_DAY_MS: Final = 86_400_000
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RANGE_HINT: Final = "A date range must be START,END, for instance 2026-01-01,2026-01-31"


@dataclass
class Candidates:
    """Memos that meet every rule; ``impossible`` where the rules contradict each other. Times are epoch milliseconds.

    ``since`` is included, ``before`` and the ends of ``excluded_ranges`` are not.
    """

    categories: set[str] = field(default_factory=set)
    excluded_categories: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    excluded_tags: set[str] = field(default_factory=set)
    since: int = clock.EARLIEST_MS
    before: int = clock.LATEST_MS
    excluded_ranges: list[tuple[int, int]] = field(default_factory=list)
    impossible: bool = False

    async def draw(self, connection: ReadConnection, uid: str, limit: int) -> list[str]:
        """Return the ids of that many of the user's memos, those asked about least first, at random among equals."""
        if self.impossible or len(self.categories) > 1 or self.since >= self.before:
            return []
        shape = DrawShape(
            category=bool(self.categories),
            not_categories=bool(self.excluded_categories),
            tags=bool(self.tags),
            not_tags=bool(self.excluded_tags),
            not_ranges=bool(self.excluded_ranges),
        )
        return await draw_queries.draw(connection, shape, owner=uid, values=self._values(shape), limit=limit)

    def _values(self, shape: DrawShape) -> dict[str, object]:
        """Return what the statement of a shape binds."""
        values: dict[str, object] = {"since": self.since, "until": self.before - 1}
        if shape.category:
            values["category_id"] = next(iter(self.categories))
        if shape.not_categories:
            values["excluded_category_ids"] = sorted(self.excluded_categories)
        if shape.tags:
            values |= {"tag_ids": sorted(self.tags), "tag_count": len(self.tags)}
        if shape.not_tags:
            values["excluded_tag_ids"] = sorted(self.excluded_tags)
        if shape.not_ranges:
            # A slot that is not needed gets an empty range.
            slots = [*self.excluded_ranges, *[(self.before, self.before)] * (SLOTS - len(self.excluded_ranges))]
            values |= {f"start_{slot}": start for slot, (start, _) in enumerate(slots)}
            values |= {f"end_{slot}": end for slot, (_, end) in enumerate(slots)}
        return values


async def find_candidates(connection: ReadConnection, uid: str, rules: Sequence[Rule], zone: ZoneInfo) -> Candidates:
    """Return the memos that rules mean. A category or tag that the user does not have includes and excludes nothing.

    Raises:
        AimoError: ``PARAMS_ERROR`` for a range of dates that is none.
    """
    known_tags = await tag_ids_of(connection, uid, {rule.value for rule in rules if rule.type == "tag"})
    found = Candidates()
    for rule in rules:
        if rule.type == "category":
            _apply_ids(found, rule, rule.value if ids.is_possible(rule.value) else None)
        elif rule.type == "tag":
            _apply_ids(found, rule, known_tags.get(rule.value))
        elif rule.type == "recent_days":
            start = clock.within_range(clock.now_ms() - recent_days(rule.value) * _DAY_MS)
            _apply_times(found, rule, start, clock.LATEST_MS)
        else:
            _apply_times(found, rule, *date_range(rule.value, zone))
    return found


def date_range(value: str, zone: ZoneInfo) -> tuple[int, int]:
    """Return start (included) and end (excluded) of ``START,END`` in epoch milliseconds; either side may be empty.

    A date without a time is a whole day in the zone, the end's included.

    Raises:
        AimoError: ``PARAMS_ERROR`` for any other text.
    """
    start, comma, end = (part.strip() for part in value.partition(","))
    if not comma or not (start or end):
        raise AimoError(Code.PARAMS_ERROR, _RANGE_HINT)
    since = _moment(start, zone, is_end=False) if start else clock.EARLIEST_MS
    before = _moment(end, zone, is_end=True) if end else clock.LATEST_MS
    return clock.within_range(since), clock.within_range(before)


def _moment(text: str, zone: ZoneInfo, *, is_end: bool) -> int:
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            moment = datetime.combine(day + timedelta(days=1) if is_end else day, time(), zone)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=moment.tzinfo or zone) + timedelta(milliseconds=1 if is_end else 0)
        return clock.to_ms(moment.astimezone(UTC).replace(tzinfo=None))
    except OverflowError:
        return clock.LATEST_MS if is_end else clock.EARLIEST_MS
    except ValueError as error:
        raise AimoError(Code.PARAMS_ERROR, _RANGE_HINT) from error


def recent_days(value: str) -> int:
    """Return the number of days that a rule of recent days means; `DEFAULT_DAYS` for what is no such number."""
    days = integer_prefix(value)
    return min(days, 1_000_000) if days and days > 0 else DEFAULT_DAYS


def _apply_ids(found: Candidates, rule: Rule, known: str | None) -> None:
    if known is None:
        found.impossible = found.impossible or rule.includes
        return
    included, excluded = {
        "category": (found.categories, found.excluded_categories),
        "tag": (found.tags, found.excluded_tags),
    }[rule.type]
    (included if rule.includes else excluded).add(known)


def _apply_times(found: Candidates, rule: Rule, start: int, end: int) -> None:
    if rule.includes:
        found.since, found.before = max(found.since, start), min(found.before, end)
    elif start < end:
        found.excluded_ranges.append((start, end))


async def tag_ids_of(connection: ReadConnection, uid: str, values: Iterable[str]) -> dict[str, str]:
    """Return the ids of the user's tags that have one of these texts as their id or else as their name."""
    names = {value: name_key(value) for value in values}
    if not names:
        return {}
    possible = [value for value in names if ids.is_possible(value)]
    by_id = await tag_queries.by_ids(connection, owner=uid, tag_ids=possible) if possible else []
    found = {row.tag_id: row.tag_id for row in by_id}
    by_name = {
        row.name_key: row.tag_id
        for row in await tag_queries.by_name_keys(connection, owner=uid, name_keys=list(set(names.values())))
    }
    return {value: by_name[key] for value, key in names.items() if key in by_name} | found
