"""Tags read out of what a model replied, however it is worded (docs/contract/ai.md#suggest-tags)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from aimo.folding import is_blank
from aimo.inert_text import inert

MOST_TAGS = 8
# Longer than any tag; a reply may hold anything.
_LONGEST = 200
_LONGEST_LOOSE = 49
_QUOTED = re.compile(r"""["']([^"'\n]+)["']""")
_SEPARATORS = re.compile(r"[\n,]")
_BULLETS = " \t-•*"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def parse_tags(reply: str) -> list[str]:
    """Return at most eight tags, lower-cased and inert.

    They are those of a JSON list, else quoted texts, else pieces between commas and lines.
    """
    found = _json_list(reply)
    if found is not None:
        return found[:MOST_TAGS]
    quoted = _clean(_QUOTED.findall(reply))
    if quoted:
        return list(dict.fromkeys(quoted))[:MOST_TAGS]
    loose = [tag.lstrip(_BULLETS) for tag in _clean(_SEPARATORS.split(reply))]
    return list(dict.fromkeys(tag for tag in loose if 0 < len(tag) <= _LONGEST_LOOSE))[:MOST_TAGS]


def _json_list(reply: str) -> list[str] | None:
    """Return the texts between the first ``[`` and the last ``]``; None without a JSON list. Duplicates stay."""
    start, end = reply.find("["), reply.rfind("]")
    if start < 0 or end < start:
        return None
    try:
        items = msgspec.json.decode(reply[start : end + 1])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return _clean(item for item in items if isinstance(item, str)) if isinstance(items, list) else None


def _clean(texts: Iterable[str]) -> list[str]:
    cleaned = (inert(_CONTROL.sub(" ", text).lower()).strip() for text in texts)
    return [text for text in cleaned if len(text) <= _LONGEST and not is_blank(text)]
