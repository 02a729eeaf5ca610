"""HTML of our own making as plain text."""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"<[^>]*>")
_LINES = re.compile(r"(?:\r?\n)+")


def plain(text: str) -> str:
    """Return the text without tags, each of which ends a line; entities decoded, no empty lines, trimmed.

    Tags go first: what was escaped is text that its writer meant.
    """
    lines = _LINES.sub("\n", _TAG.sub("\n", text))
    return html.unescape(lines).replace("\xa0", " ").strip()


def cut(text: str, most_bytes: int) -> str:
    """Return the text, shortened to what so many bytes of UTF-8 hold, and an ellipsis where it was."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= most_bytes else data[:most_bytes].decode("utf-8", "ignore") + "…"
