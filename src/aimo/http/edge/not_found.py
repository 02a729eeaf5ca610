"""What is no route: JSON 404 where programs ask, else the web client for GET and HEAD, and an HTML 404 otherwise."""

from __future__ import annotations

import html
from typing import Protocol

from aimo.http.asgi_types import App, Receive, Scope, Send
from aimo.http.edge.head import Head
from aimo.http.output.plain_responses import HTML, send_bytes, send_error

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Error</title>
</head>
<body>
<pre>Cannot {method} {path}</pre>
</body>
</html>
"""


# Below these only programs ask. A page with 200 would tell them that there is what they were looking for.
_PROGRAMS = ("/api", "/mcp", "/.well-known")


class RouteMatcher(Protocol):
    """Knows the routes; :class:`aimo.http.edge.route_table.Routes` does."""

    def matches(self, method: str, path: str) -> bool:
        """Return whether a route exists for the method and path."""


class NotFound:
    """Lets only known routes through; a trailing slash is accepted."""

    def __init__(self, app: App, *, routes: RouteMatcher, web: App) -> None:
        self._app = app
        self._routes = routes
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        method, path = scope["method"], scope["path"]
        if self._routes.matches(method, path):
            await self._app(scope, receive, send)
        elif len(path) > 1 and path.endswith("/") and self._routes.matches(method, path[:-1]):
            scope["path"] = path[:-1]
            await self._app(scope, receive, send)
        elif _is_for_programs(path):
            await Head(_json_not_found)(scope, receive, send)
        elif method in ("GET", "HEAD"):
            await self._web(scope, receive, send)
        else:
            await _send_not_found(scope, send)


def _is_for_programs(path: str) -> bool:
    lowered = path.lower()
    return any(lowered == prefix or lowered.startswith(f"{prefix}/") for prefix in _PROGRAMS)


async def _json_not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await send_error(send, 404, f"Nothing is served at {scope['path']}")


async def _send_not_found(scope: Scope, send: Send) -> None:
    sent = scope.get("raw_path")
    path = sent.decode("latin-1") if sent else scope["path"]
    page = _PAGE.format(method=html.escape(scope["method"]), path=html.escape(path))
    policy = [(b"content-security-policy", b"default-src 'none'")]
    await send_bytes(send, 404, HTML, page.encode("utf-8", "replace"), policy)
