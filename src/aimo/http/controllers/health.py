"""Whether the server lives and can work."""

from __future__ import annotations

from importlib.metadata import version

import structlog
from litestar import Controller, Response

from aimo.dto.base import Envelope
from aimo.dto.system import Health, Pool, Readiness, SyncState
from aimo.http.context import Services
from aimo.http.envelope import JSON, ok
from aimo.http.routing import get

log = structlog.get_logger(__name__)

_HEALTH = Health(status="ok", version=version("aimo"))


class HealthController(Controller):
    """Routes for people, clients and orchestrators; none needs a token."""

    tags = ("Health",)

    @get("/healthz", summary="Is the process alive?")
    async def alive(self) -> Health:
        """It is, when this answers."""
        return _HEALTH

    @get("/api/v1/health", summary="Can a client connect?")
    async def health(self) -> Envelope[Health]:
        """It can, when this answers."""
        return ok(_HEALTH)

    @get("/readyz", summary="Can the server work?")
    async def ready(self, services: Services) -> Response[Readiness]:
        """Ask the database, and show the figures of pool and sync; 503 while the database is away."""
        pool = services.database.pool_status()
        readiness = Readiness(
            status="ready",
            database=services.database.engine.dialect.name,
            pool=Pool(open=pool.open, in_use=pool.in_use, limit=pool.limit),
            sync=None,
        )
        try:
            await services.database.check()
            state = await services.sync.status()
        except Exception:
            log.exception("not ready: the database does not answer")
            readiness.status = "unavailable"
            return Response(readiness, status_code=503, media_type=JSON)
        held = services.sync.lease.held
        readiness.sync = SyncState(writer=held, waiting=state.waiting, oldest=state.oldest_ms)
        return Response(readiness, status_code=200, media_type=JSON)
