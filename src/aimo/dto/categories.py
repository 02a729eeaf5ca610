"""Categories on the wire (docs/contract/errors.md#absent-null-and-empty, docs/contract/categories.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class Category(Dto, kw_only=True):
    """A category of memos."""

    category_id: Annotated[str, Meta(description="Id of the category.")]
    id: Annotated[str, Meta(description="The same id again, for clients that look for it here.")]
    uid: Annotated[str, Meta(description="Its owner.")]
    name: Annotated[str, Meta(description="Its name, unique for the user whatever the case.")]
    color: Annotated[
        str | UnsetType | None, Meta(description="Its colour, or null; absent right after clearing it.")
    ] = UNSET
    created_at: Annotated[int, Meta(description="When it was made, epoch milliseconds.")]
    updated_at: Annotated[int, Meta(description="When it was last changed, epoch milliseconds.")]


class CategoryBody(Dto):
    """What a category is made of or changed by."""

    name: Annotated[str | UnsetType | None, Meta(description="Its name; trimmed.")] = UNSET
    color: Annotated[str | UnsetType | None, Meta(description="Its colour; null clears it.")] = UNSET


class CategoryResult(Dto):
    """One category with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    category: Annotated[Category, Meta(description="The category.")]


class CategoryList(Dto):
    """All categories of a user."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    categories: Annotated[list[Category], Meta(description="Sorted by name, without regard to case and accents.")]
