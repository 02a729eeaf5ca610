"""The forms in which texts and names are compared, made in a time that grows with their length and no faster.

``unicodedata`` takes quadratic time for a long run of combining marks, and one character, U+FDFA, becomes eighteen.
So runs are bounded first, as for stream-safe text (UAX #15, section 13), and so is growth. Ordinary text is not
affected by either.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final, Literal

LONGEST_RUN: Final = 30
"""Combining marks that stay together; U+034F, which nothing combines with, is put in between."""

MOST_EXPANSIONS: Final = 1000
"""How many characters of one text may become `LARGE_EXPANSION` or more; what the others become is cut."""

CHARACTERS_PER_EXPANSION: Final = 16
"""So many characters before it allow one more of them: a long text about the Prophet has thousands of U+FDFA."""

LARGE_EXPANSION: Final = 5

CHUNK: Final = 16 * 1024
"""Characters that are normalised in one call: calls hold up every other thread of the process."""

_SLICE = 64 * 1024
_JOINER = "\u034f"
_LAST_MARK = 0x1FFFF


def prepare() -> None:
    """Compute the tables that folding needs, which takes a quarter of a second, before anybody waits for them."""
    _long_runs()
    _expanding()
    _second_characters()


def well_formed(text: str) -> str:
    """Return the text as a JavaScript runtime would encode it: surrogate pairs joined, lone surrogates as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def fold(text: str) -> str:
    """Return the form in which texts are compared: NFKC, then casefolding, then NFKC again.

    ``MySQL`` and ``ＭｙＳＱＬ`` fold to ``mysql``. The result is stable: folding it again changes nothing. Lone
    surrogates become U+FFFD, since no store can hold them. One million of the worst characters take under a second.
    """
    if text.isascii():
        return text.lower()
    return "".join(_bound_runs(_fold_chunk(chunk)) for chunk in _chunks(bounded(well_formed(text))))


def bounded(text: str) -> str:
    """Return a text that can be normalised in a time that grows with its length; ordinary text as it is."""
    return text if text.isascii() else _bound_growth(_bound_runs_in_slices(text))


def name_form(name: str) -> str:
    """Return the form in which names are compared: NFC, trimmed, casefolded."""
    return _normalise("NFC", name).strip().casefold()


def sort_form(name: str) -> str:
    """Return the form by which names are sorted: casefolded code points without accents."""
    return "".join(c for c in _normalise("NFD", name) if not unicodedata.combining(c)).casefold()


def _normalise(form: Literal["NFC", "NFD"], text: str) -> str:
    return text if text.isascii() else unicodedata.normalize(form, _bound_runs_in_slices(text))


def _fold_chunk(chunk: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", chunk).casefold())


def _bound_runs(text: str) -> str:
    return _long_runs().sub(lambda run: run[0] + _JOINER, text)


def _bound_runs_in_slices(text: str) -> str:
    """Bound runs a slice at a time; one that a slice divides may keep twice as many marks."""
    return "".join(_bound_runs(text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def _bound_growth(text: str) -> str:
    expanding = _expanding()
    if not expanding.search(text):
        return text
    seen = 0

    def shorten(found: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        allowed = MOST_EXPANSIONS + found.start() // CHARACTERS_PER_EXPANSION
        return found[0] if seen <= allowed else _shortened(found[0])

    return expanding.sub(shorten, text)


@cache
def _shortened(character: str) -> str:
    return _fold_chunk(character)[: LARGE_EXPANSION - 1]


@cache
def _long_runs() -> re.Pattern[str]:
    """Match `LONGEST_RUN` combining marks that more follow."""
    marks = _class_of(lambda c: all(map(unicodedata.combining, unicodedata.normalize("NFKD", c))))
    # The first one by itself: then the search skips what is no combining character, ten times as fast.
    return re.compile(f"{marks}{marks}{{{LONGEST_RUN - 1}}}(?={marks})")


@cache
def _expanding() -> re.Pattern[str]:
    """Match the characters that become long."""
    return re.compile(_class_of(lambda c: len(_fold_chunk(c)) >= LARGE_EXPANSION))


def _class_of(belongs: Callable[[str], bool]) -> str:
    """Return a class of a regular expression: the characters of a kind, in ranges."""
    ranges: list[list[int]] = []
    for code in range(0x80, _LAST_MARK + 1):
        if not 0xD800 <= code < 0xE000 and belongs(chr(code)):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "[" + "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in ranges) + "]"


def _chunks(text: str) -> Iterator[str]:
    """Yield the text in pieces that are normalised as they would be within the whole."""
    start = 0
    while start < len(text):
        end = start + CHUNK
        while end < len(text) and not _begins_anew(text[end]):
            end += 1
        yield text[start:end]
        start = end


@cache
def _begins_anew(character: str) -> bool:
    """Tell whether a character never combines with what stands before it."""
    first = unicodedata.normalize("NFKD", character)[0]
    return not unicodedata.combining(first) and first not in _second_characters()


@cache
def _second_characters() -> frozenset[str]:
    """Return the characters that are no marks and still combine with the one before, as vowels of Hangul do."""
    found = {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for code in range(_LAST_MARK + 1):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(chr(int(parts[1], 16)))
    return frozenset(c for c in found if not unicodedata.combining(c))
