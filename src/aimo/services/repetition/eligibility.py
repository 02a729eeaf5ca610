"""Which memos take part in spaced repetition, by a user's rules (docs/contract/spaced-repetition.md#rules)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from aimo import clock
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import categories as category_queries
from aimo.db.queries import spaced_repetition as repetition_queries
from aimo.db.queries.cards import SLOTS, RuleShape
from aimo.db.queries.spaced_repetition import RuleRow
from aimo.errors import AimoError
from aimo.services.memos.name_keys import name_key
from aimo.services.reviews.candidates import date_range, recent_days, tag_ids_of

log = structlog.get_logger(__name__)

_DAY_MS: Final = 86_400_000
_EMPTY: Final = (0, 0)

Range = tuple[int, int]


@dataclass(frozen=True)
class Eligibility:
    """The condition that rules make: its shape, and what it binds."""

    shape: RuleShape
    values: dict[str, object]


async def eligibility(connection: ReadConnection, uid: str, zone: ZoneInfo) -> Eligibility:
    """Return which memos of a user take part, as the rules are now.

    Any rule that excludes keeps a memo out; where some include, one of them must. Unknown categories and tags match
    nothing.
    """
    rules = await repetition_queries.rules(connection, owner=uid)
    if not rules:
        return Eligibility(RuleShape(), {})
    meanings = await _meanings(connection, uid, rules)
    ranges = {mode: _merged(_ranges(rules, mode, zone)) for mode in ("exclude", "include")}
    shape = RuleShape(
        excluded=any(rule.mode == "exclude" for rule in rules),
        included=any(rule.mode == "include" for rule in rules),
        ranges=any(ranges.values()),
    )
    values: dict[str, object] = {}
    for mode, kind, applies in (("exclude", "excluded", shape.excluded), ("include", "included", shape.included)):
        if applies:
            chosen = [rule for rule in rules if rule.mode == mode]
            for what in ("category", "tag"):
                known = {meanings.get(rule.rule_id) for rule in chosen if rule.filter_type == what}
                values[f"{kind}_{what}_ids"] = sorted(filter(None, known))
            if shape.ranges:
                slots = [*ranges[mode], *[_EMPTY] * (SLOTS - len(ranges[mode]))]
                values |= {f"{kind}_start_{slot}": start for slot, (start, _) in enumerate(slots)}
                values |= {f"{kind}_end_{slot}": end for slot, (_, end) in enumerate(slots)}
    return Eligibility(shape, values)


async def _meanings(connection: ReadConnection, uid: str, rules: Sequence[RuleRow]) -> dict[str, str]:
    """Return the id of the category or tag that each rule means, by the id of the rule."""
    known = {rule.rule_id: found for rule in rules if (found := rule.category_id or rule.tag_id)}
    # A rule may name what was made after it.
    unknown = [rule for rule in rules if rule.rule_id not in known and rule.filter_type in ("category", "tag")]
    if not unknown:
        return known
    tags = await tag_ids_of(connection, uid, {rule.filter_value for rule in unknown if rule.filter_type == "tag"})
    categories: dict[str, str] = {}
    for row in await category_queries.of_user(connection, owner=uid):
        categories |= {name_key(row.name): row.category_id}
    for rule in unknown:
        found = (
            tags.get(rule.filter_value) if rule.filter_type == "tag" else categories.get(name_key(rule.filter_value))
        )
        if found:
            known[rule.rule_id] = found
    return known


def _ranges(rules: Sequence[RuleRow], mode: str, zone: ZoneInfo) -> list[Range]:
    """Return the times of creation that rules of a migrated database name; what is no range matches nothing."""
    found = []
    for rule in rules:
        if rule.mode != mode or rule.filter_type not in ("recent_days", "date_range"):
            continue
        if rule.filter_type == "recent_days":
            since = clock.now_ms() - recent_days(rule.filter_value) * _DAY_MS
            found.append((clock.within_range(since), clock.LATEST_MS))
            continue
        try:
            found.append(date_range(rule.filter_value, zone))
        except AimoError:
            log.warning("rule of spaced repetition names no range of dates", rule=rule.rule_id)
    return [(start, end) for start, end in found if start < end]


def _merged(ranges: Sequence[Range]) -> list[Range]:
    """Return ranges that do not touch each other, at most `SLOTS`: beyond, the last ones become one."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and (start <= merged[-1][1] or len(merged) == SLOTS):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
