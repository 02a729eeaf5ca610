"""What the server process runs: an application that opens everything when it starts and closes it when it stops."""

from __future__ import annotations

import asyncio

import structlog

from aimo import config, log
from aimo.http.app import create_app
from aimo.http.asgi import App, Receive, Scope, Send
from aimo.runtime import Runtime

logger = structlog.get_logger(__name__)


class Server:
    """An ASGI application that lives as long as its lifespan."""

    def __init__(self, settings: config.Settings) -> None:
        self._settings = settings
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None and scope["type"] == "http":
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            runtime = await Runtime(self._settings, scheduler=True).__aenter__()
            self._app = create_app(runtime.services, runtime.stores.signer)
        except Exception as error:
            logger.exception("the server cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await asyncio.shield(runtime.__aexit__(None, None, None))
        finally:
            await send({"type": "lifespan.shutdown.complete"})


def create() -> Server:
    """The application of this process, from its environment."""
    settings = config.load()
    log.configure(settings)
    return Server(settings)
