"""The API's description: for tools, and for people."""

from __future__ import annotations

import litestar
from litestar import Controller, Response

from aimo.http.dependencies import AnyRequest
from aimo.http.output.docs_page import POLICY, render
from aimo.http.routing import get


class DocsController(Controller):
    """Made once when the application is made; needs no token."""

    path = "/api/v1"
    tags = ("Documentation",)

    @get("/openapi.json", summary="The OpenAPI document", include_in_schema=False)
    async def document(self, request: AnyRequest) -> dict[str, object]:
        """Return everything the server answers, as OpenAPI 3.1."""
        document: dict[str, object] = request.app.state.document
        return document

    @litestar.get("/docs", media_type="text/html", include_in_schema=False)
    async def page(self, request: AnyRequest) -> Response[str]:
        """Return the same as a page to read."""
        headers = {"Content-Security-Policy": POLICY}
        return Response(render(request.app.state.document), media_type="text/html", headers=headers)
