"""Helpers that ask the chat model (docs/contract/ai.md)."""

from __future__ import annotations

from aimo.dto.base import Annotated, Dto, Meta


class TagsRequest(Dto):
    """A text to find tags for."""

    content: Annotated[str | None, Meta(description="The text; required, not blank.")] = None
    memo_id: Annotated[object, Meta(description="Accepted for compatibility; has no effect.")] = None


class SuggestedTags(Dto):
    """Tags that fit a text."""

    tags: Annotated[list[str], Meta(description="At most eight names in lower case.")]


class Tool(Dto):
    """A helper that the server offers."""

    id: Annotated[str, Meta(description="Id of the helper.")]
    name: Annotated[str, Meta(description="Its name to show.")]
    description: Annotated[str, Meta(description="What it does.")]
    icon: Annotated[str, Meta(description="Name of its icon.")]


class ToolList(Dto):
    """All helpers."""

    tools: Annotated[list[Tool], Meta(description="The helpers.")]
