"""Request bodies reach the API as JSON objects, and bad ones do not (docs/contract/bodies.md).

Who is not logged in gets little: 64 KiB, ten seconds, and a small part of the memory that bodies may take.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aimo.http.asgi_types import App, Message, Receive, Scope, Send
from aimo.http.edge import form_body, json_body
from aimo.http.edge.json_body import EMPTY, BadBodyError, Body
from aimo.http.input.body_budget import Account, BodyBudget, BudgetUsedUp
from aimo.http.input.body_timeout import BodyTimeout
from aimo.http.input.client_address import Network, client_address
from aimo.http.input.text_validation import flag_unusable_text
from aimo.http.output.plain_responses import send_error
from aimo.threads import TEXTS

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORM = b"application/x-www-form-urlencoded"
_JSON = b"application/json"
_UTF8 = frozenset({b"", b"utf-8", b"utf8"})
_FRAMING = frozenset({b"content-type", b"content-length", b"content-encoding", b"transfer-encoding"})


STRANGER_BYTES: Final = 64 * 1024
"""Most bytes of a body that is read before anybody is known to be logged in, and of every login and registration."""

STRANGER_SECONDS: Final = 10.0

FORM_BYTES: Final = 1024 * 1024
"""Most bytes of a form, and of a body that is neither JSON nor a form."""

STRANGERS_BYTES: Final = 32 * 1024 * 1024
USERS_BYTES: Final = 128 * 1024 * 1024

_AUTH = "/api/v1/auth/"
# From here on a body is looked at in a thread: below, that costs more than it saves.
_LARGE = 128 * 1024


@dataclass(frozen=True, slots=True)
class _Terms:
    """What one body may take."""

    most_bytes: int
    idle_seconds: float
    budget: BodyBudget
    client: str


class _Framing(NamedTuple):
    """What the headers say about the body."""

    media_type: bytes
    charset: bytes
    length: int | None
    encoded: bool
    chunked: bool


class BodyParser:
    """Reads and normalises the body of POST, PUT, PATCH and DELETE, once it is known who sends it.

    JSON and forms become JSON objects, any other media type counts as ``{}``. Multipart
    bodies pass untouched on the upload paths, where they are streamed.

    Args:
        app: gets a body that is always a JSON object, with matching headers.
        max_size: most bytes of a JSON body of somebody who is logged in; more is HTTP 413.
        proxies: the proxies whose word about a client's address is believed.
        upload_paths: paths whose multipart bodies are left alone.
        idle_seconds: longest wait for the next piece of a body; then HTTP 408. See :class:`BodyTimeout`.
    """

    def __init__(
        self,
        app: App,
        *,
        max_size: int,
        proxies: Sequence[Network] = (),
        upload_paths: Collection[str] = (),
        idle_seconds: float = 60,
    ) -> None:
        self._app = app
        self._max_size = max_size
        self._proxies = proxies
        self._uploads = frozenset(upload_paths)
        self._idle_seconds = idle_seconds
        self._of_users = BodyBudget(max(USERS_BYTES, 4 * max_size), max(USERS_BYTES // 2, 2 * max_size))
        self._of_strangers = BodyBudget(STRANGERS_BYTES, STRANGERS_BYTES // 4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        framing = _framing(scope)
        if framing.media_type.startswith(b"multipart/") and scope["path"].removesuffix("/") in self._uploads:
            await self._app(scope, receive, send)
            return
        terms = self._terms(scope, framing)
        with terms.budget.account(terms.client) as account:
            try:
                body = await _normalise(framing, await _read(scope, framing, receive, terms, account))
            except BadBodyError as refused:
                headers = [(b"retry-after", b"%d" % refused.retry_after)] if refused.retry_after else []
                await send_error(send, refused.status, str(refused), headers)
                return
            if body.unusable:
                flag_unusable_text(scope)
            _describe(scope, framing, body)
            await self._app(scope, _replay(body.data, receive), send)

    def _terms(self, scope: Scope, framing: _Framing) -> _Terms:
        """Say what this body may take, by who sends it and where to."""
        sender = scope.get("verified")
        most = STRANGER_BYTES
        if sender and not scope["path"].lower().startswith(_AUTH):
            most = self._max_size if framing.media_type == _JSON else min(self._max_size, FORM_BYTES)
        most = min(most, self._max_size)
        if sender:
            return _Terms(most, self._idle_seconds, self._of_users, sender)
        idle_seconds = min(self._idle_seconds, STRANGER_SECONDS)
        return _Terms(most, idle_seconds, self._of_strangers, client_address(scope, self._proxies))


async def _read(scope: Scope, framing: _Framing, receive: Receive, terms: _Terms, account: Account) -> bytes:
    if framing.length is None and not framing.chunked and _is_http1(scope):
        return b""
    if framing.length is not None and framing.length > terms.most_bytes:
        raise _too_large(terms)
    kept = framing.media_type in (_JSON, _FORM)
    pieces: list[bytes] = []
    timeout = BodyTimeout(terms.idle_seconds, most_bytes=framing.length or terms.most_bytes)
    try:
        async with timeout.scope:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise BadBodyError("The request was cut off")
                piece = message.get("body", b"")
                timeout.note(len(piece))
                if timeout.received > terms.most_bytes:
                    raise _too_large(terms)
                if kept and piece:
                    await account.add(len(piece))
                    pieces.append(piece)
                if not message.get("more_body", False):
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except BudgetUsedUp:
        raise BadBodyError(
            "The server is busy with other requests; try again in a moment", 503, retry_after=5
        ) from None
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


async def _normalise(framing: _Framing, raw: bytes) -> Body:
    if not raw or framing.media_type not in (_JSON, _FORM):
        return Body(EMPTY)
    if framing.charset not in _UTF8:
        raise BadBodyError("Unsupported charset of the request body; use UTF-8")
    if framing.encoded:
        raise BadBodyError("Unsupported content encoding of the request body")
    normalise = json_body.normalise if framing.media_type == _JSON else form_body.normalise
    return normalise(raw) if len(raw) < _LARGE else await TEXTS.run(normalise, raw)


def _describe(scope: Scope, framing: _Framing, body: Body) -> None:
    """Make the headers say what the body now is."""
    if framing.media_type == _JSON and framing.length == len(body.data) and not framing.encoded:
        return
    kept = [field for field in scope["headers"] if field[0] not in _FRAMING]
    scope["headers"] = [*kept, (b"content-type", _JSON), (b"content-length", b"%d" % len(body.data))]


def _replay(data: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once and afterwards waits for the client to leave."""
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


def _too_large(terms: _Terms) -> BadBodyError:
    return BadBodyError(f"The request body is too large; at most {terms.most_bytes} bytes are taken here", 413)
