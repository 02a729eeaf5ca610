"""Helpers that ask the chat model (docs/contract/ai.md)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.ai import SuggestedTags, TagsRequest, Tool, ToolList
from aimo.dto.base import Envelope
from aimo.errors import AimoError, Code
from aimo.http.cancel_on_disconnect import run_until_disconnect
from aimo.http.dependencies import AnyRequest, Services, User
from aimo.http.output.envelope import ok, unexpected_failure
from aimo.http.routing import get, post

_TOOLS = [
    Tool(
        id="generate-tags",
        name="智能添加标签",
        description="AI 分析笔记内容，自动生成相关标签建议",
        icon="Tags",
    )
]


class AIController(Controller):
    """What the assistant can do besides answering questions."""

    path = "/api/v1/ai"
    tags = ("AI",)

    @post(
        "/generate-tags",
        summary="Suggest tags",
        opt={"limited": True} | unexpected_failure(Code.SYSTEM_ERROR, "Failed to generate tags"),
    )
    async def suggest_tags(
        self, data: JSONBody[TagsRequest], request: AnyRequest, services: Services, user: User
    ) -> Envelope[SuggestedTags]:
        """Return tags for a text, the user's own ones where they fit."""
        if not data.content or not data.content.strip():
            raise AimoError(Code.PARAMS_ERROR, "Content is required")
        tags = await run_until_disconnect(request, services.tag_suggestions.suggest(user.uid, data.content))
        return ok(SuggestedTags(tags=tags))

    @get("/tools", summary="List the helpers")
    async def tools(self, user: User) -> Envelope[ToolList]:
        """Return what the assistant offers."""
        return ok(ToolList(tools=_TOOLS))
