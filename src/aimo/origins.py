"""Origins as browsers compare them: scheme, host and port of a page."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]/?#@:*\s,]+)(?::([0-9]{0,5}))?", re.ASCII | re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """What browsers compare: two pages are of one origin when all three are equal."""

    scheme: str
    host: str
    port: int | None


def parse_origin(text: str) -> Origin | None:
    """Return the origin that a text names as browsers write it; None for ``null`` and for anything else."""
    match = _ORIGIN.fullmatch(text)
    return origin_at(match[1].lower(), match[2]) if match else None


def parse_origins(text: str) -> tuple[Origin, ...]:
    """Return the origins of a comma list. ``*`` stands for all, who never get credentials, and so adds none.

    Raises:
        ValueError: an entry is no origin; the text names it.
    """
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        if entry == "*":
            continue
        origin = parse_origin(entry.removesuffix("/"))
        if origin is None:
            raise ValueError(f"{entry!r} is no origin; an example of one is https://notes.example.org")
        found.append(origin)
    return tuple(found)


def origin_at(scheme: str, host: str) -> Origin | None:
    """Return the origin of a scheme and what a ``Host`` header says; None where that is no host."""
    match = _HOST.fullmatch(host)
    if not match:
        return None
    name, port = match[1].lower(), int(match[2]) if match[2] else _DEFAULT_PORTS.get(scheme)
    if port is not None and port > 65535:
        return None
    if name.startswith("["):
        try:
            name = f"[{IPv6Address(name[1:-1]).compressed}]"
        except AddressValueError:
            return None
    return Origin(scheme, name, port)
