"""What a database refuses is told in words; connections to one that does not work any more are thrown away.

A connection may live and be of no use: its server is read-only since a failover, for instance.
"""

from __future__ import annotations

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from aimo.db.connection_errors import has_advice, is_refusal, number_of
from aimo.db.failure_log import FailureLog

log = structlog.get_logger(__name__)


def watch_for_refusals(engine: Engine) -> None:
    """Have every connection of the pool replaced once a server refuses to work.

    Say what to do about it, and about whatever else is known of, at most once a minute.
    """
    failures = FailureLog(log, "the database refuses to work")

    def look(context: ExceptionContext) -> None:
        error = context.original_exception
        if is_refusal(error):
            # SQLAlchemy then closes this connection now, and the others of the pool when they are next lent.
            context.is_disconnect = True
        elif not has_advice(error):
            return
        failures.failed(error, code=number_of(error))

    event.listen(engine, "handle_error", look)
