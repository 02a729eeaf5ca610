"""Filter rules of review profiles: what clients may save, and what older profiles meant (docs/contract/reviews.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict, TypeVar

from aimo.dto.base import UNSET, UnsetType
from aimo.dto.reviews import FilterRule
from aimo.errors import AimoError, Code
from aimo.folding import is_blank
from aimo.services.memos.name_keys import require_length

R = TypeVar("R")

TYPES: Final = ("category", "tag", "recent_days", "date_range")
OPERATORS: Final = ("include", "exclude")
MOST_RULES: Final = 32
DEFAULT_DAYS: Final = 7

_LONGEST: Final = 1000
# The scope of profiles that had no rules yet, and the type of the rule that means the same.
_EARLIER_SCOPES: Final = {"category": "category", "tag": "tag"}


class StoredRule(TypedDict, total=False):
    """A rule as it is stored."""

    type: str
    operator: str
    value: str
    label: str


class Rule(NamedTuple):
    """A rule of which type and operator are known."""

    type: str
    includes: bool
    value: str


def rules_to_store(given: Sequence[FilterRule] | UnsetType | None) -> list[object]:
    """Return the rules of a request as they are stored.

    Raises:
        AimoError: ``PARAMS_ERROR`` for too many, an unknown type or operator, or an unusable value.
    """
    if not given or isinstance(given, UnsetType):
        return []
    return [_to_store(rule) for rule in _require_few(given)]


def stored_rules(value: object) -> list[FilterRule]:
    """Return the readable rules of whatever is stored, for clients."""
    return [
        FilterRule(type=rule["type"], operator=rule["operator"], value=rule["value"], label=rule.get("label", UNSET))
        for rule in _readable(value)
    ]


def effective_rules(value: object) -> Sequence[Rule]:
    """Return the rules that a review obeys.

    Raises:
        AimoError: ``PARAMS_ERROR`` where a rule was stored that this release does not know.
    """
    rules = [known_rule(rule["type"], rule["operator"], rule["value"]) for rule in _readable(value)]
    return _require_few(rules)


def known_rule(kind: str, operator: str, value: str) -> Rule:
    """Return a rule whose type and operator are known and whose value is not blank; ``PARAMS_ERROR`` otherwise."""
    if kind not in TYPES:
        raise AimoError(Code.PARAMS_ERROR, f"The type of a filter rule must be one of {', '.join(TYPES)}")
    if operator not in OPERATORS:
        raise AimoError(Code.PARAMS_ERROR, "The operator of a filter rule must be include or exclude")
    if is_blank(value):
        raise AimoError(Code.PARAMS_ERROR, "The value of a filter rule is required")
    return Rule(kind, operator == "include", value)


def rules_of_earlier_profile(scope: str, values: object, recent_days: int | None) -> list[object]:
    """Return as stored rules what a profile of the existing server means.

    Profiles of its present release hold rules. Those of an earlier one hold a scope and plain texts: ids or names of
    categories or tags, or a number of days.
    """
    if scope == "recent":
        days = recent_days if recent_days and recent_days > 0 else DEFAULT_DAYS
        return [StoredRule(type="recent_days", operator="include", value=str(days))]
    items = values if isinstance(values, list) else []
    if kind := _EARLIER_SCOPES.get(scope):
        texts = [item for item in items if isinstance(item, str) and not is_blank(item)]
        if texts:
            return [StoredRule(type=kind, operator="include", value=text) for text in dict.fromkeys(texts)]
    return [StoredRule(**rule) for rule in _readable(items)]


def _require_few(rules: Sequence[R]) -> Sequence[R]:
    if len(rules) > MOST_RULES:
        raise AimoError(Code.PARAMS_ERROR, f"At most {MOST_RULES} filter rules are possible")
    return rules


def _to_store(rule: FilterRule) -> StoredRule:
    known_rule(rule.type, rule.operator, rule.value)
    stored = StoredRule(
        type=rule.type,
        operator=rule.operator,
        value=require_length(rule.value, "The value of a filter rule", _LONGEST),
    )
    if isinstance(rule.label, str):
        stored["label"] = require_length(rule.label, "The label of a filter rule", _LONGEST)
    return stored


def _readable(value: object) -> Iterable[StoredRule]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, Mapping) and all(isinstance(item.get(name), str) for name in ("type", "operator", "value")):
            rule = StoredRule(type=item["type"], operator=item["operator"], value=item["value"])
            if isinstance(item.get("label"), str):
                rule["label"] = item["label"]
            yield rule
