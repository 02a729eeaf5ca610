"""Figures for Prometheus (decisions.md 18)."""

from __future__ import annotations

import hmac

import litestar
from litestar import Controller, Response
from prometheus_client import CONTENT_TYPE_LATEST

from aimo import audit
from aimo.audit import Event, Outcome
from aimo.http.addresses import client_address, is_local
from aimo.http.context import AnyRequest, Services
from aimo.http.envelope import RejectedToken


class MetricsController(Controller):
    """For requests made on this machine, or with the configured token."""

    @litestar.get("/metrics", include_in_schema=False)
    async def metrics(self, request: AnyRequest, services: Services) -> Response[bytes]:
        """The figures of all server processes."""
        settings = services.settings
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        token = settings.metrics_token.get_secret_value()
        knows = bool(token) and hmac.compare_digest(given, f"Bearer {token}".encode())
        if not knows and not is_local(request.scope, settings.proxies):  # type: ignore[arg-type]
            address = client_address(request.scope, settings.proxies)  # type: ignore[arg-type]
            audit.record(Event.METRICS_TOKEN, Outcome.REFUSED, address=address)
            raise RejectedToken("Metrics are for requests from this machine or with METRICS_TOKEN")
        return Response(await services.figures.exposition(), media_type=CONTENT_TYPE_LATEST)
