"""Spaced repetition on the wire (docs/contract/spaced-repetition.md). Times are ISO 8601 in UTC."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class RepetitionSettings(Dto):
    """What a user has chosen."""

    sr_enabled: Annotated[bool, Meta(description="Whether the user is reminded every morning.")]
    sr_daily_limit: Annotated[int, Meta(description="Cards that are shown or announced at once, 1 to 100.")]


class RepetitionSettingsBody(Dto):
    """What to change of it."""

    sr_enabled: Annotated[object | UnsetType, Meta(description="Whether to remind.")] = UNSET
    sr_daily_limit: Annotated[object | UnsetType, Meta(description="A whole number from 1 to 100.")] = UNSET


class RepetitionRule(Dto):
    """Which memos take part, or do not."""

    rule_id: Annotated[str, Meta(description="Id of the rule.")]
    user_id: Annotated[str, Meta(description="Its owner.")]
    mode: Annotated[str, Meta(description="`include` or `exclude`.")]
    filter_type: Annotated[
        str, Meta(description="`category` or `tag`; migrated rules may have `recent_days` or `date_range`.")
    ]
    filter_value: Annotated[str, Meta(description="Id of the category, or present name of the tag.")]
    created_at: Annotated[str, Meta(description="When it was made.")]


class RepetitionRuleBody(Dto):
    """A rule to make."""

    mode: Annotated[object, Meta(description="`include` or `exclude`.")] = None
    filter_type: Annotated[object, Meta(description="`category` or `tag`.")] = None
    filter_value: Annotated[object, Meta(description="Id or name of the category or tag.")] = None


class RepetitionRuleList(Dto):
    """A user's rules."""

    rules: Annotated[list[RepetitionRule], Meta(description="The oldest first.")]


class RepetitionRuleResult(Dto):
    """One rule."""

    rule: Annotated[RepetitionRule, Meta(description="The rule.")]


class DueMemo(Dto):
    """The beginning of a memo."""

    id: Annotated[str, Meta(description="Id of the memo.")]
    title: Annotated[str, Meta(description="Its first line, at most 50 UTF-16 units and an ellipsis.")]
    content: Annotated[str, Meta(description="Its first 200 UTF-16 units.")]


class DueCard(Dto):
    """A card that is due."""

    card_id: Annotated[str, Meta(description="Id of the card.")]
    memo_id: Annotated[str, Meta(description="Its memo.")]
    memo: Annotated[DueMemo, Meta(description="The beginning of the memo.")]
    ease_factor: Annotated[float, Meta(description="How easy it is, 1.3 or more.")]
    interval: Annotated[int, Meta(description="Days from the latest review to the next one.")]
    repetitions: Annotated[int, Meta(description="Reviews since it was forgotten last.")]
    lapse_count: Annotated[int, Meta(description="How often it was forgotten.")]
    next_review_at: Annotated[str, Meta(description="Since when it is due.")]


class DueCards(Dto):
    """What is due."""

    cards: Annotated[list[DueCard], Meta(description="The longest due first, at most `dailyLimit`.")]
    total_due: Annotated[int, Meta(description="How many are due.")]
    daily_limit: Annotated[int, Meta(description="The user's limit.")]


class RepetitionStats(Dto):
    """Figures."""

    total_cards: Annotated[int, Meta(description="Cards that take part, due or not.")]


class ReviewBody(Dto):
    """How well a memo was remembered."""

    quality: Annotated[object, Meta(description="`mastered`, `remembered`, `fuzzy`, `forgot` or `skip`.")] = None


class ReviewedCard(Dto):
    """A card after a review."""

    card_id: Annotated[str, Meta(description="Id of the card.")]
    user_id: Annotated[str, Meta(description="Its owner.")]
    memo_id: Annotated[str, Meta(description="Its memo.")]
    ease_factor: Annotated[float, Meta(description="How easy it is, 1.3 or more.")]
    interval: Annotated[int, Meta(description="Days until the next review.")]
    repetitions: Annotated[int, Meta(description="Reviews since it was forgotten last.")]
    lapse_count: Annotated[int, Meta(description="How often it was forgotten.")]
    next_review_at: Annotated[str, Meta(description="When it is due again.")]
    last_review_at: Annotated[str | None, Meta(description="When it was reviewed last; null for never.")]
    created_at: Annotated[str, Meta(description="When it was made.")]


class ReviewedCardResult(Dto):
    """One card."""

    card: Annotated[ReviewedCard, Meta(description="The card.")]


class ImportedCards(Dto):
    """What making cards for earlier memos did."""

    imported: Annotated[int, Meta(description="Memos that have a card now.")]
    skipped: Annotated[int, Meta(description="Memos that had one, or do not take part.")]
