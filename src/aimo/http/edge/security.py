"""Security headers of every answer.

See docs/contract/requests.md#response-headers, docs/decisions/19-cookies-and-origins.md.
"""

from __future__ import annotations

from aimo.http.asgi_types import App, Headers, Message, Receive, Scope, Send
from aimo.http.output.content_policy import policy

_POLICY = policy()
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "X-Download-Options": "noopen",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-XSS-Protection": "0",
}
_HTTPS_ONLY = {
    "Content-Security-Policy": f"{_POLICY};upgrade-insecure-requests",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}


class SecurityHeaders:
    """Adds the security headers that the answer does not set itself.

    HSTS and ``upgrade-insecure-requests`` only when clients are known to come by https:
    both lock users of a plain-HTTP installation out. A page has ``Referrer-Policy: same-origin``: with ``no-referrer``
    browsers send ``Origin: null`` with its forms and changes, which would make it a stranger to its own server.
    """

    def __init__(self, app: App, *, https: bool) -> None:
        self._app = app
        fields = _ALWAYS | _HTTPS_ONLY if https else _ALWAYS
        self._fields: Headers = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
        self._names = frozenset(name for name, _ in self._fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                # What is not modified may be a page; the header replaces the one that the browser has kept.
                if message["status"] == 304 or _is_page(headers):
                    headers.append((b"referrer-policy", b"same-origin"))
                message["headers"] = self._completed(headers)
            await send(message)

        await self._app(scope, receive, send_secured)

    def _completed(self, headers: Headers) -> Headers:
        own = {name for name, _ in headers}
        if own.isdisjoint(self._names):
            return headers + self._fields
        return headers + [field for field in self._fields if field[0] not in own]


def _is_page(headers: Headers) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers)
