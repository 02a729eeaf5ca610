"""The API's description: for tools, and for people."""

from __future__ import annotations

import litestar
from litestar import Controller, Response

from aimo.http.dependencies import AnyRequest
from aimo.http.output.docs_page import POLICY, render
from aimo.http.output.openapi import DocumentOnDemand
from aimo.http.routing import get


class DocsController(Controller):
    """Made when it is first asked for; needs no token."""

    path = "/api/v1"
    tags = ("Documentation",)

    @get("/openapi.json", summary="The OpenAPI document", include_in_schema=False)
    async def document(self, request: AnyRequest) -> dict[str, object]:
        """Return everything the server answers, as OpenAPI 3.1."""
        return await _document(request)

    @litestar.get("/docs", media_type="text/html", include_in_schema=False)
    async def page(self, request: AnyRequest) -> Response[str]:
        """Return the same as a page to read."""
        headers = {"Content-Security-Policy": POLICY}
        return Response(render(await _document(request)), media_type="text/html", headers=headers)


async def _document(request: AnyRequest) -> dict[str, object]:
    on_demand: DocumentOnDemand = request.app.state.document
    return await on_demand.get()
