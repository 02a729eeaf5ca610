"""Taking everything out (docs/export.md)."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Literal

from litestar import Controller, Response

from aimo.errors import AimoError, Code
from aimo.http.dependencies import AnyRequest, Params, Services, User, device
from aimo.http.input.query_parameters import Query
from aimo.http.output.openapi_parameters import Parameter, documented
from aimo.http.output.streamed_response import StreamedResponse
from aimo.http.routing import get
from aimo.services.export.collected import ExportOptions
from aimo.storage.content_types import attachment_disposition

_FILTERS = (
    Parameter("startDate", "string", "Only memos created since then, epoch milliseconds."),
    Parameter("endDate", "string", "Only memos created until then, epoch milliseconds."),
    Parameter("category", "string", "Only memos of the category of this name."),
    Parameter("tags", "array", "Only memos that have all tags of these names."),
    Parameter("trash", "boolean", "Whether memos in the trash come along.", True),
    Parameter("links", "string", "How attachments are linked: `markdown` or `wiki`.", "markdown"),
)


class ExportController(Controller):
    """Everything of one user."""

    path = "/api/v1/export"
    tags = ("Export",)

    @get("/", summary="Export everything", opt={"download": "application/zip", **documented(*_FILTERS)})
    async def export(self, request: AnyRequest, params: Params, services: Services, user: User) -> Response[Any]:
        """Return a zip with all memos and attachments, as data and as Markdown; it is made while it is sent."""
        options = _options(params)
        stack = AsyncExitStack()
        address = device(request, services).address
        archive = await stack.enter_async_context(services.exports.archive(user.uid, options, address=address))
        headers = [
            (b"content-type", b"application/zip"),
            (b"content-disposition", attachment_disposition(archive.filename).encode()),
            (b"cache-control", b"no-store"),
        ]
        return StreamedResponse(archive.chunks, headers, stack)


def _options(params: Query) -> ExportOptions:
    return ExportOptions(
        since=params.integer_prefix("startDate"),
        until=params.integer_prefix("endDate"),
        category=params.text("category"),
        tags=tuple(params.texts("tags")),
        trash=params.boolean("trash", True),
        links=_links(params.text("links", "markdown")),
    )


def _links(value: str) -> Literal["markdown", "wiki"]:
    if value == "markdown":
        return "markdown"
    if value == "wiki":
        return "wiki"
    raise AimoError(Code.PARAMS_ERROR, "links must be markdown or wiki")
