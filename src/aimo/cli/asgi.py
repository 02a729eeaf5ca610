"""What a server process runs: an application that opens everything when it starts and closes it when it stops."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time

import structlog

from aimo import config, log
from aimo.cli.connection_guard import ConnectionGuard
from aimo.cli.connections import most_connections, raise_file_limit
from aimo.cli.signals import NOTICE
from aimo.db.failure_log import log_failure
from aimo.errors import ConfigurationError
from aimo.http.app import create_app
from aimo.http.asgi_types import App, Receive, Scope, Send
from aimo.runtime import Runtime
from aimo.vectors.errors import VectorStoreError

logger = structlog.get_logger(__name__)

# A stopped server is gone within five seconds. Requests that take longer than this are cancelled ...
_REQUEST_SECONDS = 3.0
_CANCEL_SECONDS = 0.3
# ... and what is not closed by then is left behind.
_CLOSED_AFTER_SECONDS = 4.3


class Server:
    """An ASGI application that lives as long as its lifespan, and ends its process."""

    def __init__(self, settings: config.Settings) -> None:
        self._settings = settings
        self._app: App | None = None
        self._runtime: Runtime | None = None
        self._requests: set[asyncio.Task[object]] = set()
        self._guard: asyncio.Task[None] | None = None
        self._cutting_short: asyncio.Task[None] | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._told_at: float | None = None
        self._closing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None and scope["type"] == "http":
            request = asyncio.current_task()
            assert request is not None
            self._requests.add(request)
            try:
                await self._app(scope, receive, send)
            finally:
                self._requests.discard(request)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(NOTICE, self._read_stop_notice)
        # Ctrl+C reaches all processes of a terminal; it is the parent that tells this one when to end.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        runtime = Runtime(self._settings, scheduler=True)
        try:
            await runtime.__aenter__()
            self._app = create_app(runtime.services, runtime.stores.signer)
        except (ConfigurationError, VectorStoreError) as error:
            logger.error("the server cannot start", reason=str(error))  # noqa: TRY400 (the reason says what to do)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        except Exception as error:  # noqa: BLE001 (logged, and told to the parent)
            log_failure(logger, "the server cannot start", error)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        self._runtime = runtime
        if self._told_at is not None:
            await self._end()
        guard = ConnectionGuard(self._settings.port, most_connections(raise_file_limit()))
        self._guard = asyncio.create_task(guard.run(), name="connection-guard")
        await send({"type": "lifespan.startup.complete"})
        self._beginning = asyncio.create_task(_begin(runtime), name="begin")
        # Comes when all requests are answered; a client that reads slowly, or a hanging provider, can hold it up.
        await receive()
        await self._end()

    def _read_stop_notice(self) -> None:
        if self._told_at is None:
            self._told_at = time.monotonic()
            self._cutting_short = asyncio.create_task(self._cancel_requests())
            if self._runtime:
                self._runtime.stop_scheduled_work()

    async def _cancel_requests(self) -> None:
        await asyncio.sleep(_REQUEST_SECONDS)
        if left := list(self._requests):
            logger.warning("cancelling requests that outlast the shutdown", requests=len(left))
            for request in left:
                request.cancel()
            await asyncio.wait(left, timeout=_CANCEL_SECONDS)
        await self._end()

    async def _end(self) -> None:
        """Close everything, and end the process: tearing the interpreter down takes seconds and does nothing more."""
        async with self._closing:
            if self._beginning:
                self._beginning.cancel()
            spent = time.monotonic() - self._told_at if self._told_at is not None else 0.0
            try:
                if self._runtime:
                    await self._runtime.close(seconds=_CLOSED_AFTER_SECONDS - spent)
            except Exception:
                logger.exception("shutdown incomplete")
            logging.shutdown()
            os._exit(0)


async def _begin(runtime: Runtime) -> None:
    try:
        await runtime.begin()
    except Exception as error:  # noqa: BLE001 (logged; requests are answered)
        event = "the work in the background could not be started; requests are answered without it"
        log_failure(logger, event, error)


def create() -> Server:
    """Return the application of this process, from its environment."""
    settings = config.load()
    log.configure(settings)
    return Server(settings)
