"""Structured logs: readable on a terminal, JSON lines elsewhere and in daily files."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any

import structlog

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
    console.setFormatter(_formatter(shared, readable=sys.stderr.isatty()))
    handlers: list[logging.Handler] = [console]
    if settings.aimo_log_dir:
        handlers.append(_daily_file(settings.aimo_log_dir, shared))
    root = logging.getLogger()
    root.handlers = handlers
    root.setLevel(level)
    for chatty in (
        "aimo.db.pool.WarmPool",
        "httpx",
        "httpx2",
        "httpcore",
        "openai",
        "aiosqlite",
        "alembic",
        "apscheduler",
    ):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


def _formatter(shared: list[Any], *, readable: bool) -> logging.Formatter:
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    final = [] if readable else [structlog.processors.format_exc_info]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final, renderer],
    )


def _daily_file(folder: Path, shared: list[Any]) -> logging.Handler:
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.TimedRotatingFileHandler(
        folder / "aimo.log", when="midnight", backupCount=_KEPT_DAYS, encoding="utf-8", utc=True
    )
    handler.setFormatter(_formatter(shared, readable=False))
    return handler
