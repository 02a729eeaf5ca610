"""``aimo serve``: run the server."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from contextlib import nullcontext
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Annotated

import structlog
from cyclopts import Parameter
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from aimo import config
from aimo.cli.connections import connection_options, raise_file_limit
from aimo.cli.prepared_settings import prepared_settings
from aimo.cli.signals import handle_signals
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.db.connection_errors import advice
from aimo.errors import ConfigurationError
from aimo.listening import listening_address, url_at
from aimo.metrics import multiprocess_metrics
from aimo.private_folders import require_private
from aimo.runtime.setting_checks import require_usable
from aimo.services.operations.write_probe import WriteProbe
from aimo.signing_secret import require_secret
from aimo.storage.buckets import configured_bucket

logger = structlog.get_logger(__name__)

# A worker that has not ended by itself this long after a signal is killed.
_GRACE_SECONDS = 5


def serve(
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on; HOST when absent.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; PORT when absent.")] = None,
    workers: Annotated[int | None, Parameter(help="Server processes; WORKERS when absent.")] = None,
) -> None:
    """Run the server until it is stopped."""
    # The workers read their settings from the environment.
    for name, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[name] = str(value)
    settings = prepared_settings()
    for doubt in settings.doubts:
        logger.warning(doubt)
    require_private(settings)
    require_secret(settings)
    address = listening_address(settings.host, settings.port)
    asyncio.run(_prepare(settings))
    # LanceDB's threads do not survive a fork.
    multiprocessing.set_start_method("spawn")
    Thread(target=_announce, args=(address, settings), daemon=True).start()
    with multiprocess_metrics() if settings.workers > 1 else nullcontext():
        run_http_server("aimo.cli.asgi:create", settings)


def _announce(address: str, settings: config.Settings) -> None:
    """Say where the server listens, as soon as it answers."""
    while True:
        try:
            connection = HTTPConnection(address, settings.port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            connection.close()
            break
        except (OSError, HTTPException):
            time.sleep(0.05)
    print(f"AIMO listens on {url_at(settings.host, settings.port)}", flush=True)


def run_http_server(target: str, settings: config.Settings) -> None:
    """Serve the ASGI application that a factory, ``module:function``, makes, until a signal comes."""
    server = Granian(
        target,
        factory=True,
        address=listening_address(settings.host, settings.port),
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=settings.workers,
        workers_kill_timeout=_GRACE_SECONDS,
        # Of several, one that is killed must not take the others with it; a single one is its supervisor's business.
        respawn_failed_workers=settings.workers > 1,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        **connection_options(raise_file_limit()),
    )
    # Granian would wait for requests without an end, and then kill without closing anything.
    server.on_startup(lambda: handle_signals(server.signal_handler_interrupt))
    server.serve()


async def _prepare(settings: config.Settings) -> None:
    """Find out what cannot work, and migrate, before any worker starts."""
    require_usable(settings)
    if settings.attachment_storage_type != "local":
        await configured_bucket(settings, settings.attachment_storage_type).prepare()
    database = await Database.open(settings)
    try:
        await migrate.prepare(database, settings)
        await _require_writes(database)
    finally:
        await database.close()


async def _require_writes(database: Database) -> None:
    """Try a write: a replica answers and takes none, and neither does a database that somebody has locked."""
    try:
        await WriteProbe(database).check()
    except Exception as error:
        where = database.engine.url.render_as_string()
        raise ConfigurationError(f"The database {where} takes no writes: {advice(error)}") from error
