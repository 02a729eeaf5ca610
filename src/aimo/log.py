"""Structured logs: readable on a terminal, JSON lines elsewhere and in daily files; the audit log has its own files."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from aimo import audit, clock
from aimo.config import Settings

_LEVELS = {"trace": logging.DEBUG, "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING}
_KEPT_DAYS = 7


def configure(settings: Settings) -> None:
    """Send everything that is logged, by us and by libraries, to standard error, and to a folder if one is set."""
    level = _LEVELS.get(settings.aimo_log_level, logging.ERROR)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(_formatter(shared, readable=_is_readable(settings)))
    root, audited = logging.getLogger(), logging.getLogger(audit.LOGGER)
    root.handlers, audited.handlers = [console], [console]
    if folder := settings.aimo_log_dir:
        folder.mkdir(parents=True, exist_ok=True)
        root.addHandler(_daily(_DailyFile(folder, settings.zone), shared))
        daily_file = _DailyFile(folder, settings.zone, prefix="audit-", days=settings.aimo_audit_days)
        audited.addHandler(_daily(daily_file, shared))
    root.setLevel(level)
    # Whatever AIMO_LOG_LEVEL is, and never twice.
    audited.setLevel(logging.INFO)
    audited.propagate = False
    for chatty in (
        "aimo.db.warm_pool.WarmPool",
        "httpx",
        "httpx2",
        "httpcore",
        "openai",
        "aiosqlite",
        "alembic",
    ):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


def _is_readable(settings: Settings) -> bool:
    return sys.stderr.isatty() if settings.log_format == "auto" else settings.log_format == "console"


def _daily(handler: _DailyFile, shared: list[Any]) -> _DailyFile:
    handler.setFormatter(_formatter(shared, readable=False))
    return handler


def _formatter(shared: list[Any], *, readable: bool) -> logging.Formatter:
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    final = [] if readable else [structlog.processors.format_exc_info]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final, renderer],
    )


class _DailyFile(logging.handlers.BaseRotatingHandler):
    """Appends to ``{prefix}YYYY-MM-DD.log``, one file each local day, and removes those older than ``days``.

    No file is ever renamed, so several processes write to one folder without losing each other's lines.
    """

    def __init__(self, folder: Path, zone: ZoneInfo, *, prefix: str = "", days: int = _KEPT_DAYS) -> None:
        self._folder = folder
        self._zone = zone
        self._prefix = prefix
        self._days = days
        self._day = clock.local_day(zone)
        super().__init__(folder / f"{prefix}{self._day}.log", "a", encoding="utf-8", delay=True)
        self._remove_old()

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Return whether another day has begun."""
        return clock.local_day(self._zone) != self._day

    def doRollover(self) -> None:
        """Go on in the file of the present day."""
        self._day = clock.local_day(self._zone)
        if self.stream:
            self.stream.close()
            self.stream = None
        self.baseFilename = str(self._folder.absolute() / f"{self._prefix}{self._day}.log")
        self._remove_old()

    def _remove_old(self) -> None:
        oldest = str(date.fromisoformat(self._day) - timedelta(days=self._days))
        for path in self._folder.glob(f"{self._prefix}[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].log"):
            if path.stem.removeprefix(self._prefix) < oldest:
                path.unlink(missing_ok=True)
