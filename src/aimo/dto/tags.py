"""Tags on the wire (docs/contract/errors.md#absent-null-and-empty, docs/contract/tags.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class Tag(Dto, kw_only=True):
    """A tag of memos."""

    tag_id: Annotated[str, Meta(description="Id of the tag.")]
    name: Annotated[str, Meta(description="Its name, unique for the user whatever the case.")]
    color: Annotated[str | UnsetType | None, Meta(description="Its colour, or null.")] = UNSET
    usage_count: Annotated[int, Meta(description="How many memos carry it.")]
    created_at: Annotated[int, Meta(description="When it was made, epoch milliseconds.")]
    updated_at: Annotated[int, Meta(description="When it was last changed, epoch milliseconds.")]


class TagBody(Dto):
    """What a tag is made of or changed by."""

    name: Annotated[str | UnsetType | None, Meta(description="Its name; trimmed.")] = UNSET
    color: Annotated[str | UnsetType | None, Meta(description="Its colour; null clears it.")] = UNSET


class TagResult(Dto):
    """One tag with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    tag: Annotated[Tag, Meta(description="The tag.")]


class TagList(Dto):
    """All tags of a user."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    tags: Annotated[list[Tag], Meta(description="In the order in which they were made.")]
