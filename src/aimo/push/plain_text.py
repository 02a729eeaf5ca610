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
