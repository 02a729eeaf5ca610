"""Request bodies reach the API as JSON objects, and bad ones do not (contract 1.10, decisions 12 and 24).

This happens before authentication, as in the contract's pipeline: a malformed body is
refused even without a token.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aimo.http.answers import send_error
from aimo.http.arrival import Arrival
from aimo.http.asgi import App, Message, Receive, Scope, Send
from aimo.http.edge import form_body, json_body
from aimo.http.edge.json_body import EMPTY, BadBodyError, Body
from aimo.http.text import mark_unusable

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORM = b"application/x-www-form-urlencoded"
_JSON = b"application/json"
_UTF8 = frozenset({b"", b"utf-8", b"utf8"})
_FRAMING = frozenset({b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"})


class _Framing(NamedTuple):
    """What the headers say about the body."""

    media_type: bytes
    charset: bytes
    length: int | None
    encoded: bool
    chunked: bool


class Bodies:
    """Reads and normalises the body of POST, PUT, PATCH and DELETE.

    JSON and forms become JSON objects, any other media type counts as ``{}``. Multipart
    bodies pass untouched on the upload paths, where they are streamed.

    Args:
        app: gets a body that is always a JSON object, with matching headers.
        max_size: most bytes of a body; more is HTTP 413.
        upload_paths: paths whose multipart bodies are left alone.
        idle_seconds: longest wait for the next piece of a body; then HTTP 408. See :class:`Arrival`.
    """

    def __init__(
        self, app: App, *, max_size: int, upload_paths: Collection[str] = (), idle_seconds: float = 60
    ) -> None:
        self._app = app
        self._max_size = max_size
        self._uploads = frozenset(upload_paths)
        self._idle_seconds = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        framing = _framing(scope)
        if framing.media_type.startswith(b"multipart/") and scope["path"].removesuffix("/") in self._uploads:
            await self._app(scope, receive, send)
            return
        try:
            body = _normalise(framing, await self._read(scope, framing, receive))
        except BadBodyError as refused:
            await send_error(send, refused.status, str(refused))
            return
        if body.unusable:
            mark_unusable(scope)
        _describe(scope, framing, body)
        await self._app(scope, _replay(body.data, receive), send)

    async def _read(self, scope: Scope, framing: _Framing, receive: Receive) -> bytes:
        if framing.length is None and not framing.chunked and _is_http1(scope):
            return b""
        if framing.length is not None and framing.length > self._max_size:
            raise _too_large()
        pieces: list[bytes] = []
        arrival = Arrival(self._idle_seconds)
        try:
            async with arrival.patience:
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise BadBodyError("The request was cut off")
                    piece = message.get("body", b"")
                    arrival.note(len(piece))
                    if arrival.received > self._max_size:
                        raise _too_large()
                    pieces.append(piece)
                    if not message.get("more_body", False):
                        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        except TimeoutError:
            raise BadBodyError("The request body did not arrive in time", 408) from None


def _framing(scope: Scope) -> _Framing:
    media_type = charset = b""
    length: int | None = None
    encoded = chunked = False
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type, charset = _content_type(value)
        elif name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"content-encoding":
            encoded = value.strip().lower() not in (b"", b"identity")
        elif name == b"transfer-encoding":
            chunked = True
    return _Framing(media_type, charset, length, encoded, chunked)


def _content_type(value: bytes) -> tuple[bytes, bytes]:
    media_type, _, parameters = value.lower().partition(b";")
    for parameter in parameters.split(b";"):
        name, _, charset = parameter.partition(b"=")
        if name.strip() == b"charset":
            return media_type.strip(), charset.strip().strip(b"\"'")
    return media_type.strip(), b""


def _normalise(framing: _Framing, raw: bytes) -> Body:
    if not raw or framing.media_type not in (_JSON, _FORM):
        return Body(EMPTY)
    if framing.charset not in _UTF8:
        raise BadBodyError("Unsupported charset of the request body; use UTF-8")
    if framing.encoded:
        raise BadBodyError("Unsupported content encoding of the request body")
    return json_body.normalise(raw) if framing.media_type == _JSON else form_body.normalise(raw)


def _describe(scope: Scope, framing: _Framing, body: Body) -> None:
    """Make the headers say what the body now is."""
    if framing.media_type == _JSON and framing.length == len(body.data) and not framing.encoded:
        return
    kept = [field for field in scope["headers"] if field[0] not in _FRAMING]
    scope["headers"] = [*kept, (b"content-type", _JSON), (b"content-length", b"%d" % len(body.data))]


def _replay(data: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body once and afterwards waits for the client to leave."""
    given = False

    async def receive_replayed() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": data, "more_body": False}
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message

    return receive_replayed


def _is_http1(scope: Scope) -> bool:
    return str(scope.get("http_version", "1.1")).startswith("1")


def _too_large() -> BadBodyError:
    return BadBodyError("The request body is too large", 413)
