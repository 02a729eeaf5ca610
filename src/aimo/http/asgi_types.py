"""The few ASGI names that the layers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first request header of a lower-case name, or None."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def list_header(scope: Scope, name: bytes) -> bytes | None:
    """Return a request header whose value is a list, from however many fields it was sent in; None without any."""
    values = [bytes(value) for key, value in scope["headers"] if key == name]
    return b", ".join(values) if values else None
