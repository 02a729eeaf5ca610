"""In development, statements are logged by their registered name with the time they took, never with values.

Slow ones are warnings; the others appear at ``AIMO_LOG_LEVEL=debug``.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Engine

from aimo.db.statements import REGISTER

log = structlog.get_logger(__name__)
_threshold = logging.getLogger(__name__)

SLOW_SECONDS = 0.2
_STARTED = "aimo_started"


class SlowStatementLog:
    """Off until `watch` is called; then it hears of every statement of that engine."""

    def __init__(self) -> None:
        self.on = False
        self._names: dict[int, str] = {}

    def watch(self, engine: Engine) -> None:
        """Time what goes through SQLAlchemy; what does not is noted by calling `note`."""
        self.on = True
        event.listen(engine, "before_execute", _start)
        event.listen(engine, "after_execute", self._end)

    def note(self, statement: object, started: float) -> None:
        """Note that a statement has ended that began at ``started`` of `time.perf_counter`."""
        seconds = time.perf_counter() - started
        level = logging.WARNING if seconds >= SLOW_SECONDS else logging.DEBUG
        if _threshold.isEnabledFor(level):
            slow = "slow statement" if level == logging.WARNING else "statement"
            log.log(level, slow, statement=self._name(statement), ms=round(seconds * 1000, 1))

    def _end(self, connection: Any, statement: Any, *_: Any) -> None:
        self.note(statement, connection.info.pop(_STARTED, time.perf_counter()))

    def _name(self, statement: object) -> str:
        """Return the registered name; the kind of statement for the few that have none."""
        if len(self._names) != len(REGISTER):
            self._names = {id(entry.statement): entry.name for entry in REGISTER.values()}
        return self._names.get(id(statement), type(statement).__name__.lower())


def _start(connection: Any, *_: Any) -> None:
    connection.info[_STARTED] = time.perf_counter()


slow_log = SlowStatementLog()
