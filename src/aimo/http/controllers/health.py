"""Whether the server lives and can work."""

from __future__ import annotations

from importlib.metadata import version

import structlog
from litestar import Controller, Response

from aimo.db.failure_log import FailureLog
from aimo.dto.base import UNSET, Envelope
from aimo.dto.system import Health, Pool, Readiness, SyncState
from aimo.http.dependencies import AnyRequest, Services
from aimo.http.operators import is_operator
from aimo.http.output.envelope import JSON, ok
from aimo.http.routing import get

log = structlog.get_logger(__name__)
_failures = FailureLog(log, "readiness check failed", over="the server is ready again")
_VERSION = version("aimo")


class HealthController(Controller):
    """Routes for people, clients and orchestrators; none needs a token, and strangers learn no more than the status."""

    tags = ("Health",)

    @get("/healthz", summary="Is the process alive?")
    async def alive(self, request: AnyRequest, services: Services) -> Health:
        """Answer while the process is alive."""
        return _health(request, services)

    @get("/api/v1/health", summary="Can a client connect?")
    async def health(self, request: AnyRequest, services: Services) -> Envelope[Health]:
        """Answer while clients can connect."""
        return ok(_health(request, services))

    @get("/readyz", summary="Can the server work?")
    async def ready(self, request: AnyRequest, services: Services) -> Response[Readiness]:
        """Write to the database; 503 while it takes nothing. Operators also see the state of pool and sync."""
        readiness, status = Readiness(status="ready"), 200
        sync: SyncState | None = None
        try:
            await services.write_probe.check()
            state = await services.sync.status()
            sync = SyncState(writer=services.sync.lease.held, waiting=state.waiting, oldest=state.oldest_ms)
            _failures.succeeded()
        except Exception as error:  # noqa: BLE001 (logged, and answered)
            _failures.failed(error)
            readiness.status, status = "unavailable", 503
        if _is_operator(request, services):
            pool = services.database.pool_status()
            readiness.database = services.database.engine.dialect.name
            readiness.pool = Pool(open=pool.open, in_use=pool.in_use, limit=pool.limit)
            readiness.sync = sync
        return Response(readiness, status_code=status, media_type=JSON)


def _health(request: AnyRequest, services: Services) -> Health:
    return Health(status="ok", version=_VERSION if _is_operator(request, services) else UNSET)


def _is_operator(request: AnyRequest, services: Services) -> bool:
    return is_operator(request.scope, services.settings)  # type: ignore[arg-type]
