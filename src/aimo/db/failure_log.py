"""What fails again and again is told at once, then once a minute with how often, and when it is over."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from structlog.typing import FilteringBoundLogger

from aimo.db.connection_errors import advice, has_advice, number_of, sqlite_code_of
from aimo.db.outages import is_outage

SILENT_SECONDS: Final = 60.0
"""How long a kind of failure is only counted after it was told."""


def is_told_in_a_line(error: BaseException) -> bool:
    """Return whether a failure is none of ours: the database is away or refuses, and a traceback says nothing more."""
    # A file or folder that cannot be used is no outage, and may be a fault of ours.
    is_of_files = isinstance(error, OSError) and not isinstance(error, TimeoutError | ConnectionError)
    return not is_of_files and (is_outage(error) or has_advice(error))


def told_in_a_line(error: BaseException) -> str | None:
    """Return what to say of a failure of the database that is none of ours; None of any other."""
    is_of_database = isinstance(error, SQLAlchemyError | sqlite3.Error | TimeoutError)
    return " ".join(advice(error).split()) if is_of_database and is_told_in_a_line(error) else None


def log_failure(log: FilteringBoundLogger, event: str, error: BaseException, **about: object) -> None:
    """Log an error: one line with what to do where the database is away or refuses, else with its traceback."""
    if is_told_in_a_line(error):
        log.error(event, reason=advice(error), **about)
    else:
        log.error(event, exc_info=error, **about)


class FailureLog:
    """Logs the failures of one thing that is done again and again."""

    def __init__(self, log: FilteringBoundLogger, event: str, *, over: str = "") -> None:
        """``event`` is logged of failures, and ``over``, if any, of the first success after them."""
        self._log = log
        self._event = event
        self._over = over
        self._told_at: dict[tuple[object, ...], float] = {}
        self._untold = Counter[tuple[object, ...]]()
        self._failures = 0
        self._since = 0.0
        self._is_told = False

    def failed(self, error: BaseException, **about: object) -> None:
        """Log a failure as `log_failure` does, or count it where one of its kind was logged within a minute."""
        now = time.monotonic()
        kind = (type(error), number_of(error), sqlite_code_of(error))
        self._since = self._since if self._failures else now
        self._failures += 1
        self._untold[kind] += 1
        if now - self._told_at.get(kind, now - SILENT_SECONDS) < SILENT_SECONDS:
            return
        self._told_at[kind] = now
        self._is_told = True
        times = self._untold.pop(kind)
        log_failure(self._log, self._event, error, **about, **({"times": times} if times > 1 else {}))

    def succeeded(self) -> None:
        """Log that it is over, where failures were logged before."""
        if self._is_told and self._over:
            seconds = round(time.monotonic() - self._since, 1)
            self._log.info(self._over, failures=self._failures, seconds=seconds)
        self._failures, self._is_told = 0, False
