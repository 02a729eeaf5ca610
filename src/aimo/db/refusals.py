"""Connections that live and are of no use, as to a server that is read-only since a failover, are thrown away."""

from __future__ import annotations

import time

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from aimo.db.connection_errors import advice, is_refusal, number_of

log = structlog.get_logger(__name__)

_SILENT_SECONDS = 10.0


def discard_refusing_connections(engine: Engine) -> None:
    """Have every connection of the pool replaced once a server refuses to work; say why, at most every ten seconds."""
    told: dict[int | None, float] = {}

    def look(context: ExceptionContext) -> None:
        if not is_refusal(context.original_exception):
            return
        # SQLAlchemy then closes this connection now, and the others of the pool when they are next lent.
        context.is_disconnect = True
        number, now = number_of(context.original_exception), time.monotonic()
        if now - told.get(number, -_SILENT_SECONDS) >= _SILENT_SECONDS:
            told[number] = now
            log.error("the database refuses to work", advice=advice(context.original_exception), code=number)

    event.listen(engine, "handle_error", look)
