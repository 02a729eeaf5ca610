"""ETags on JSON answers to ``GET``, weak unless the route has a version, and 304 when the client has them already.

See docs/contract/requests.md#response-headers.
"""

from __future__ import annotations

from hashlib import blake2b

from aimo.http.asgi_types import App, Message, Receive, Scope, Send, list_header
from aimo.threads import TEXTS

_LARGE = 256 * 1024


class JsonEtags:
    """Tags successful JSON answers whose body comes in one piece."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        known = list_header(scope, b"if-none-match")
        start: Message | None = None

        async def send_tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _may_be_tagged(message):
                start = message
                return
            if start is not None:
                begun, start = start, None
                if not message.get("more_body"):
                    message = await _tag(begun, message, known)
                await send(begun)
            await send(message)

        await self._app(scope, receive, send_tagged)


def weak_etag(body: bytes) -> bytes:
    """Return a weak entity tag of a body."""
    return b'W/"%x-%s"' % (len(body), blake2b(body, digest_size=12).hexdigest().encode())


def is_known(etag: bytes, if_none_match: bytes | None) -> bool:
    """Return whether ``If-None-Match`` names the tag, compared weakly."""
    if if_none_match is None:
        return False
    opaque = etag.removeprefix(b"W/")
    named = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return opaque in named or if_none_match.strip() == b"*"


def _may_be_tagged(start: Message) -> bool:
    return start["status"] == 200 and any(
        name == b"content-type" and value.startswith(b"application/json") for name, value in start.get("headers", ())
    )


def _version(start: Message) -> bytes:
    """Return the version that a route gives as its tag: the bytes of the answer also depend on other rows."""
    return next((value.strip(b'"') for name, value in start["headers"] if name == b"etag"), b"")


async def _tag(start: Message, body: Message, known: bytes | None) -> Message:
    content = body.get("body", b"")
    etag = weak_etag(content) if len(content) < _LARGE else await TEXTS.run(weak_etag, content)
    if version := _version(start):
        etag = b'"%s-%s"' % (version, etag.removeprefix(b"W/").strip(b'"'))
        start["headers"] = [field for field in start["headers"] if field[0] != b"etag"]
    if is_known(etag, known):
        start["status"] = 304
        kept = [field for field in start["headers"] if field[0] not in (b"content-length", b"content-type")]
        start["headers"] = [*kept, (b"etag", etag)]
        return {**body, "body": b""}
    start["headers"] = [*start["headers"], (b"etag", etag)]
    return body
