"""What all client-facing structs share."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")


class Dto(Struct, rename="camel", kw_only=True):
    """A shape that crosses HTTP: camelCase on the wire, ``UNSET`` fields absent."""


class Envelope(Struct, Generic[T]):
    """The wrapper of every business answer, good or bad."""

    code: Annotated[int, Meta(description="0 for success, else a code of the contract's table.")]
    msg: Annotated[str, Meta(description="The text for the code, or a more exact one.")]
    data: Annotated[T | None, Meta(description="The result; null on failure.")]


class Rejection(Struct):
    """The body of a 401: the token was missing or wrong."""

    success: Annotated[bool, Meta(description="Always false.")]
    message: Annotated[str, Meta(description="Why the request was rejected.")]


class Malformed(Struct):
    """The body of a 400, 413 or 500: the request could not be read."""

    status: Annotated[str, Meta(description="Always `error`.")]
    message: Annotated[str, Meta(description="What was wrong.")]


class Pagination(Dto):
    """Where a page lies in the whole."""

    total: Annotated[int, Meta(description="How many there are on all pages.")]
    page: Annotated[int | float | str | None, Meta(description="The page as it was asked for, from 1.")]
    limit: Annotated[int | float | str | None, Meta(description="Items a page, as asked for.")]
    total_pages: Annotated[int | None, Meta(description="How many pages; 0 without items, null for limit 0.")]
    truncated: Annotated[
        bool | UnsetType,
        Meta(description="True where the page ends early, at 32 MiB of content: a smaller limit reaches the rest."),
    ] = UNSET


class Done(Dto):
    """An answer that only says that it worked."""

    message: Annotated[str, Meta(description="An English sentence about it.")]


__all__ = ["UNSET", "Annotated", "Done", "Dto", "Envelope", "Malformed", "Meta", "Pagination", "Rejection", "UnsetType"]
