"""What a database refuses is told in words; connections to one that does not work any more are thrown away.

A connection may live and be of no use: its server is read-only since a failover, for instance.
"""

from __future__ import annotations

import time

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from aimo.db.connection_errors import advice, has_advice, is_refusal, number_of

log = structlog.get_logger(__name__)

_SILENT_SECONDS = 10.0


def watch_for_refusals(engine: Engine) -> None:
    """Have every connection of the pool replaced once a server refuses to work.

    Say what to do about it, and about connections that it refuses, at most every ten seconds.
    """
    told: dict[int | None, float] = {}

    def look(context: ExceptionContext) -> None:
        error = context.original_exception
        if is_refusal(error):
            # SQLAlchemy then closes this connection now, and the others of the pool when they are next lent.
            context.is_disconnect = True
        elif not has_advice(error):
            return
        number, now = number_of(error), time.monotonic()
        if now - told.get(number, -_SILENT_SECONDS) >= _SILENT_SECONDS:
            told[number] = now
            log.error("the database refuses to work", advice=advice(error), code=number)

    event.listen(engine, "handle_error", look)
