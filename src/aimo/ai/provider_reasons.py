"""What a provider says about a failure, found in whatever form it answers, and made fit to be logged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_MAX_REASON = 200
# More is not compared with what was sent.
_MAX_COMPARED = 1000
_MAX_DEPTH = 5
_MESSAGE_KEYS = ("message", "msg", "detail", "error", "errors", "error_msg", "error_message", "raw", "metadata")
_NAMING_KEYS = ("code", "param", "type", "error_type", "status", "loc")

_PAGE = re.compile(r"<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_ADDRESS_PASSWORD = re.compile(r"//[^/\s@]+@")
_KEY = re.compile(
    r"\bbearer\s+\S+"
    r"|\b(?:sk|pk|ak|rk|gsk|hf|xai|key|org|proj|user|token)[-_][\w*.…-]{6,}"
    r"|[\w-]*(?:\*+|\.{3,}|…)[\w*.-]*\w"
    r"|\w[\w-]*\*+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9]{16,}")
# Echoes shorter than this are ordinary words that a note and an error message may share.
_LONGEST_SHARED = 15
_LONGEST_SHARED_WIDE = 5
_LEFT_OUT = "[…]"


def messages(body: object, depth: int = 0) -> Iterator[str]:
    """Yield the sentences of an error body: an object, a text, a list, FastAPI's details, the title of an HTML page."""
    if isinstance(body, str):
        text = body.strip()
        yield (_TITLE.findall(text) or [""])[0].strip() if _PAGE.match(text) else text
    elif isinstance(body, list) and depth < _MAX_DEPTH:
        for item in body[:5]:
            yield from messages(item, depth + 1)
    elif isinstance(body, dict) and depth < _MAX_DEPTH:
        for key in _MESSAGE_KEYS:
            yield from messages(body.get(key), depth + 1)


def names(body: object, depth: int = 0) -> Iterator[str]:
    """Yield the codes, types and parameters that an error body names."""
    if isinstance(body, list) and depth < _MAX_DEPTH:
        for item in body[:5]:
            yield from names(item, depth + 1)
    elif isinstance(body, dict) and depth < _MAX_DEPTH:
        for key in _NAMING_KEYS:
            value = body.get(key)
            yield from (str(part) for part in (value if isinstance(value, list) else [value]) if part is not None)
        for key in _MESSAGE_KEYS:
            if not isinstance(body.get(key), str):
                yield from names(body.get(key), depth + 1)


def shown(said: str, *, secrets: Sequence[str] = (), sent: Sequence[str] = ()) -> str:
    """Return a provider's sentence in one line of at most 200 characters, without keys and without the texts sent.

    Args:
        said: the sentence.
        secrets: keys that must not be in it.
        sent: texts of users, of which no longer passage may be in it.
    """
    text = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", said[:_MAX_COMPARED]).split())
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, _LEFT_OUT)
    text = _ADDRESS_PASSWORD.sub("//" + _LEFT_OUT + "@", text)
    text = _KEY.sub(_LEFT_OUT, text)
    text = _WORD.sub(lambda found: _LEFT_OUT if _is_random(found.group()) else found.group(), text)
    for each in sent:
        text = _without(text, " ".join(each.split()))
    return text if len(text) <= _MAX_REASON else text[: _MAX_REASON - 1] + "…"


def _is_random(word: str) -> bool:
    return any(letter.isdigit() for letter in word) and any(letter.isalpha() for letter in word)


def _without(text: str, sent: str) -> str:
    """Return the text without passages of what was sent."""
    if not sent:
        return text
    if len(sent) > 3:
        text = text.replace(sent, _LEFT_OUT)
    kept: list[str] = []
    at = 0
    while at < len(text):
        wide = ord(text[at]) > 0x2E80
        least = _LONGEST_SHARED_WIDE + 1 if wide else _LONGEST_SHARED + 1
        if at + least > len(text) or text[at : at + least] not in sent:
            kept.append(text[at])
            at += 1
            continue
        end = at + least
        while end < len(text) and text[at : end + 1] in sent:
            end += 1
        kept.append(_LEFT_OUT)
        at = end
    return "".join(kept)
