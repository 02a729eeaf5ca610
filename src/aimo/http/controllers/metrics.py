"""MetricsExporter for Prometheus."""

from __future__ import annotations

import litestar
from litestar import Controller, Response
from prometheus_client import CONTENT_TYPE_LATEST

from aimo import audit
from aimo.audit import Event, Outcome
from aimo.http.asgi_types import Scope
from aimo.http.dependencies import AnyRequest, Services
from aimo.http.input.client_address import client_address
from aimo.http.operators import is_operator
from aimo.http.output.envelope import MachineTokenRejected


class MetricsController(Controller):
    """For operators and monitoring programs; see :func:`~aimo.http.operators.is_operator`."""

    @litestar.get("/metrics", include_in_schema=False)
    async def metrics(self, request: AnyRequest, services: Services) -> Response[bytes]:
        """Return the metrics of all server processes."""
        scope: Scope = request.scope  # type: ignore[assignment]
        if not is_operator(scope, services.settings):
            address = client_address(scope, services.settings.proxies)
            audit.record(Event.METRICS_TOKEN, Outcome.REFUSED, address=address)
            raise MachineTokenRejected("Metrics need METRICS_TOKEN; see docs/monitoring.md")
        return Response(await services.metrics_exporter.exposition(), media_type=CONTENT_TYPE_LATEST)
