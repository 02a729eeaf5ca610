"""`PUBLIC_URL`: where clients reach the server, perhaps below a path of a host that serves other things, too."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

# What the server itself answers: a path that begins like these could mean either.
OWN_PATHS = ("api", "files", "mcp", "metrics", "healthz", "readyz", ".well-known")

_VISIBLE = re.compile(r"[^\s\x00-\x1f\x7f]+")


def parse_public_url(text: str) -> str:
    """Return the URL with its path percent-encoded and without a slash at its end; empty when there is none.

    Raises:
        ValueError: it is no http address, holds more than host, port and path, or its path is one of the server's own.
    """
    if not text:
        return ""
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https"):
        raise ValueError("must start with http:// or https://")
    if not host or not _VISIBLE.fullmatch(parts.netloc) or "@" in parts.netloc:
        raise ValueError("must be an address such as https://notes.example.org or https://example.org/aimo")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path, without ? and #")
    segments = [unquote(segment) for segment in parts.path.split("/")[1:]]
    while segments and not segments[-1]:
        segments.pop()
    if any(segment in ("", ".", "..") or "/" in segment for segment in segments):
        raise ValueError("must not have empty segments, `.` or `..` in its path")
    if segments and segments[0].lower() in OWN_PATHS:
        raise ValueError(f"must not have a path that begins with /{segments[0]}, which is the server's own")
    path = "".join(f"/{quote(segment, safe='~')}" for segment in segments)
    return f"{parts.scheme}://{parts.netloc}{path}"
