"""How every command begins that writes: its settings, what they name tried, and the log."""

from __future__ import annotations

import structlog

from aimo import config, log
from aimo.writable import require_writable

logger = structlog.get_logger(__name__)


def prepared_settings(*, rows_only: bool = False) -> config.Settings:
    """Return the settings, once all that they name can be written to and the log is configured.

    ``rows_only`` is for commands that write neither vectors nor stored files. A full disk is a warning in the log
    where a command can do without for a while.

    Raises:
        ConfigurationError: a setting cannot be used, or a path not be written to; the text names it and what to do.
    """
    settings = config.load()
    warnings = require_writable(settings, rows_only=rows_only)
    log.configure(settings)
    for warning in warnings:
        logger.warning(warning)
    return settings
