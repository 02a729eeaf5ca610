"""Serves everything below the path of `PUBLIC_URL`, whether or not the proxy in front takes that path off.

See docs/contract/requests.md#below-a-path.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from aimo.http.asgi_types import App, Headers, Message, Receive, Scope, Send
from aimo.http.cookies import COOKIE
from aimo.http.output.plain_responses import HTML, send_bytes

_OWN_COOKIE = f"{COOKIE}=".encode()
_ROOT = b"; Path=/;"
_EXPIRED = b"; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"


class PathPrefix:
    """Lets everything behind it see, and answer with, paths from the server's own root.

    Of a request's path it takes the prefix off where there is one, so that proxies that strip it and proxies that pass
    it through both work, and so does the server's own port. To addresses and cookies in headers it adds the prefix.
    """

    def __init__(self, app: App, prefix: str) -> None:
        """``prefix`` is percent-encoded and has no slash at its end."""
        self._app = app
        self._prefix = prefix.encode()
        self._segments = [unquote(segment) for segment in prefix.split("/")[1:]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        rest = self._rest(scope)
        if rest == "" and scope["method"] in ("GET", "HEAD"):
            query = scope["query_string"]
            location = self._prefix + b"/" + (b"?" + query if query else b"")
            await send_bytes(send, 301, HTML, b"", [(b"location", location)])
            return
        if rest is not None:
            rest = rest or "/"
            scope["raw_path"], scope["path"] = rest.encode("latin-1"), unquote(rest)
        knows_cookie = _has_cookie(scope)

        async def send_prefixed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._prefixed(message.get("headers", ()), knows_cookie=knows_cookie)
            await send(message)

        await self._app(scope, receive, send_prefixed)

    def _rest(self, scope: Scope) -> str | None:
        """Return what follows the prefix, as it was sent; None where the path does not begin with it."""
        sent = scope.get("raw_path") or quote(scope["path"], safe="/~").encode()
        _, *segments = sent.decode("latin-1").split("/")
        count = len(self._segments)
        if [unquote(segment) for segment in segments[:count]] != self._segments:
            return None
        return "".join(f"/{segment}" for segment in segments[count:])

    def _prefixed(self, headers: Headers, *, knows_cookie: bool) -> Headers:
        found: Headers = []
        for name, value in headers:
            if name == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
                found.append((name, self._prefix + value))
            elif name == b"set-cookie" and value.startswith(_OWN_COOKIE):
                found.append((name, value.replace(_ROOT, b"; Path=" + self._prefix + b";")))
                if knows_cookie:
                    # One of the whole host, from before the server had this path: two that differ count as none.
                    found.append((name, _OWN_COOKIE + _EXPIRED))
            else:
                found.append((name, value))
        return found


def _has_cookie(scope: Scope) -> bool:
    return any(name == b"cookie" and _OWN_COOKIE in value for name, value in scope["headers"])
