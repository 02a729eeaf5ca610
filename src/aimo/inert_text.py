"""Text of models and providers, made harmless to render as Markdown or to insert into a page.

A hostile model, or a hostile memo that it obeys, could otherwise run scripts in the reader's client, or carry notes
away in the address of a picture, which a client loads unasked. So a space is inserted wherever a parser would see
more than text:

- before a tag's name, so that ``<img>`` becomes ``< img>`` and ``a < b`` stays as it is; the same for ``&lt;img``,
  which some clients decode once more, and for the wide forms of ``<``, which normalisation turns into it;
- inside ``![``, which begins a picture; links stay, because nobody follows them unasked;
- inside numeric character references, and those of tabs, line ends and colons, which hide an address's scheme;
- around the colon of ``javascript:`` and its like, and of ``data:``.

Control characters are dropped. Each decision looks backwards only, at a bounded number of characters, so a text that
comes in pieces gives the same result however it is divided, nothing is held back, the time is linear, and doing it
twice changes nothing more.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Positions between two characters. What stands before a position is never longer than _CONTEXT.
_SUSPECT = re.compile(
    r"(?<=[<\uff1c\ufe64])(?=[a-z/!?])"
    r"|(?<=&lt)(?=[a-z/!?])|(?<=&lt;)(?=[a-z/!?])"
    r"|(?<=!)(?=\[)"
    r"|(?<=&)(?=#)"
    r"|(?<=&tab)(?=;)|(?<=&newline)(?=;)|(?<=&colon)(?=;)"
    r"|(?<=data:)(?=\S)"
    r"|(?=:)",
    re.IGNORECASE | re.ASCII,
)
_CONTEXT = 8
_SCRIPTS = ("javascript", "vbscript", "livescript")
_LONGEST_SCHEME = 10
# Browsers drop these inside a scheme, except the backslash, which Markdown drops.
_IGNORED = "\t\n\r\\"


class InertText:
    """Makes a text inert that comes in pieces."""

    def __init__(self) -> None:
        self._before = ""
        self._letters = ""

    def add(self, piece: str) -> str:
        """Return the next piece, inert behind the ones before."""
        piece = _CONTROL.sub("", piece)
        text = self._before + piece
        start = done = len(self._before)
        safe: list[str] = []
        for found in _SUSPECT.finditer(text, start):
            at = found.start()
            if at < len(text) and text[at] == ":" and not self._ends_a_scheme(text, start, at):
                continue
            safe.append(text[done:at])
            done = at
        safe.append(text[done:])
        self._letters = _letters(text, start, len(text), self._letters)
        self._before = text[-_CONTEXT:]
        return " ".join(safe)

    def _ends_a_scheme(self, text: str, start: int, colon: int) -> bool:
        word = _letters(text, start, colon, self._letters)
        hidden_data = word.endswith("data") and text[max(0, colon - 4) : colon].lower() != "data"
        return word.endswith(_SCRIPTS) or hidden_data


def inert(text: str) -> str:
    """Return the whole text made inert."""
    return InertText().add(text)


def inert_inside(value: Any) -> Any:
    """Return a value as JSON holds it, with every text in it made inert; names in objects stay."""
    holder = [value]
    waiting: list[Any] = [holder]
    while waiting:
        container = waiting.pop()
        entries = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        for key, item in entries:
            if isinstance(item, str):
                container[key] = inert(item)
            elif isinstance(item, dict | list):
                container[key] = item.copy()
                waiting.append(container[key])
    return holder[0]


async def inert_pieces(pieces: AsyncGenerator[str, None], *, most: int) -> AsyncGenerator[str, None]:
    """Yield the same for a text that comes in pieces; after ``most`` characters the rest is not asked for any more."""
    text = InertText()
    length = 0
    async with aclosing(pieces):
        async for piece in pieces:
            if said := text.add(piece):
                length += len(said)
                yield said
            if length > most:
                return


def _letters(text: str, start: int, end: int, before: str) -> str:
    """Return the ASCII letters in lower case that end ``text[start:end]``, at most as many as a scheme has.

    What is ignored inside a scheme is skipped; ``before`` is what ended the text before ``start``.
    """
    kept = ""
    at = end
    while at > start and len(kept) < _LONGEST_SCHEME:
        at -= 1
        character = text[at]
        if character in _IGNORED:
            continue
        if not (character.isascii() and character.isalpha()):
            return kept[::-1].lower()
        kept += character
    return (before + kept[::-1].lower())[-_LONGEST_SCHEME:]
