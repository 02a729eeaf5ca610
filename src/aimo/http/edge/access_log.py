"""Measures and logs every request: by its route, never by what it holds.

See docs/contract/requests.md#order-of-checks, docs/decisions/32-metrics-access.md.
"""

from __future__ import annotations

import logging
import time

import structlog

from aimo import metrics
from aimo.http.asgi_types import App, Message, Receive, Scope, Send

# Bound lazily by structlog; asked first, because most requests are not worth a line.
_log = structlog.get_logger(__name__)
_threshold = logging.getLogger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SLOW_SECONDS = 1.0


class AccessLog:
    """Outermost but for the request id, so that what the edge refuses is seen as well.

    The route is its template: neither paths nor queries, which may hold ids and signatures, become labels or
    are logged. Requests are logged at ``debug``, those refused or slower than a second at ``info``, failures
    of the server at ``warning``.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        started = time.perf_counter()
        status = 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            _note(scope, status, time.perf_counter() - started)


def _note(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    route = _route(scope, status)
    metrics.REQUESTS.labels(method, route, f"{status // 100}xx" if status else "cut off").observe(seconds)
    level = _level(status, seconds)
    if _threshold.isEnabledFor(level):
        _log.log(level, "request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _level(status: int, seconds: float) -> int:
    if status >= 500 or not status:
        return logging.WARNING
    return logging.INFO if status >= 400 or seconds >= _SLOW_SECONDS else logging.DEBUG


def _route(scope: Scope, status: int) -> str:
    template = scope.get("path_template")
    if template:
        return str(template)
    if scope["path"].startswith("/files/"):
        return "/files/{key}"
    return "(refused)" if status >= 400 else "(web)"
