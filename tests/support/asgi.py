"""A request to an ASGI app without a server in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aimo.http.asgi_types import App, Message, Receive, Scope, Send


@dataclass
class Reply:
    """What the app sent."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    complete: bool = False

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


async def call(
    app: App,
    method: str = "GET",
    path: str = "/",
    *,
    headers: dict[str, str] | None = None,
    pieces: Iterable[bytes] = (),
    hangs: bool = False,
    pause: float = 0,
    **scope: Any,
) -> Reply:
    """Send a request; its body in pieces, ``pause`` seconds before each, after which the client waits or (``hangs``)
    stalls in mid-body.
    """
    sent = list(pieces)
    raw, _, query = path.partition("?")
    fields = {name.lower(): value for name, value in (headers or {}).items()}
    if sent and not hangs and "content-length" not in fields and "transfer-encoding" not in fields:
        fields["content-length"] = str(sum(map(len, sent)))
    whole: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": raw,
        "raw_path": raw.encode(),
        "query_string": query.encode("utf-8", "surrogateescape"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
        "state": {},
        **scope,
    }
    reply = Reply()
    queue = [{"type": "http.request", "body": piece, "more_body": True} for piece in sent]
    if queue and not hangs:
        queue[-1]["more_body"] = False
    elif not queue:
        queue = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if queue:
            await asyncio.sleep(pause)
            return queue.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not reply.status, "two answers"
            reply.status = message["status"]
            reply.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
        else:
            assert not reply.complete, "an answer after its end"
            reply.body += message.get("body", b"")
            reply.complete = not message.get("more_body", False)

    await app(whole, receive, send)
    return reply


async def read_all(receive: Receive) -> bytes:
    """The body that an app gets."""
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what reached it."""
    body = await read_all(receive)
    told = {
        "method": scope["method"],
        "path": scope["path"],
        "body": body.decode("latin-1"),
        "state": {key: value for key, value in scope["state"].items() if isinstance(value, str | bool)},
        "headers": {name.decode(): value.decode("latin-1") for name, value in scope["headers"]},
    }
    data = msgspec.json.encode(told)
    fields = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": data})
