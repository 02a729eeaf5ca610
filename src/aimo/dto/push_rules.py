"""Push rules on the wire (docs/contract/errors.md#absent-null-and-empty, docs/contract/push-rules.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class PushRule(Dto):
    """When, what and where to push."""

    id: Annotated[str, Meta(description="Id of the rule.")]
    uid: Annotated[str, Meta(description="Its owner.")]
    name: Annotated[str, Meta(description="Its name.")]
    push_time: Annotated[int | float | str, Meta(description="The local hour, 0 to 23; right after a change as sent.")]
    content_type: Annotated[str, Meta(description="`daily_pick` or `daily_memos`.")]
    channels: Annotated[
        list[object],
        Meta(
            description="Where to push, as sent: `type`, and the fields of its kind (`aimo push channels` lists them)."
        ),
    ]
    enabled: Annotated[bool, Meta(description="Whether it pushes.")]
    created_at: Annotated[int, Meta(description="When it was made, epoch milliseconds.")]
    updated_at: Annotated[int, Meta(description="When it was last changed, epoch milliseconds.")]


class PushRuleBody(Dto):
    """What a push rule is made of or changed by; a change names only what it changes."""

    name: Annotated[str | UnsetType | None, Meta(description="Its name; trimmed.")] = UNSET
    push_time: Annotated[int | float | str | UnsetType | None, Meta(description="The local hour, 0 to 23.")] = UNSET
    content_type: Annotated[str | UnsetType | None, Meta(description="`daily_pick` or `daily_memos`.")] = UNSET
    channels: Annotated[list[object] | UnsetType | None, Meta(description="One to 20 channels.")] = UNSET
    enabled: Annotated[object | UnsetType, Meta(description="Whether it pushes; new ones always do.")] = UNSET


class PushRuleResult(Dto):
    """One push rule with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    push_rule: Annotated[PushRule, Meta(description="The rule.")]


class PushRuleList(Dto):
    """All push rules of a user."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    push_rules: Annotated[list[PushRule], Meta(description="The rules in the order in which they were made.")]
