"""The forms in which texts and names are compared, made in a time that grows with their length and no faster.

``unicodedata`` takes quadratic time for a long run of combining marks, and one character, U+FDFA, becomes eighteen.
So runs are bounded first, at the length of stream-safe text (UAX #15, section 13), and so is growth. Ordinary text is
not affected by either.

What folds, and what does not, is in docs/decisions/10-folding-and-literal-search.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Final

VERSION: Final = "3"
"""Changes with what folds: stored texts that were folded by another version are folded again."""

LONGEST_RUN: Final = 30
"""Combining marks that follow each other; no language comes near it, and those beyond are left out."""

MOST_EXPANSIONS: Final = 1000
"""How many characters of one text may become `LARGE_EXPANSION` or more; what the others become is cut."""

CHARACTERS_PER_EXPANSION: Final = 16
"""So many characters before it allow one more of them: a long text about the Prophet has thousands of U+FDFA."""

LARGE_EXPANSION: Final = 5

CHUNK: Final = 16 * 1024
"""Characters that are normalised in one call: calls hold up every other thread of the process."""

_SLICE = 64 * 1024
_LAST_MARK = 0x1FFFF

# The default-ignorable code points of Unicode, also those that are reserved for such characters.
_INVISIBLE_RANGES: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE: Final = re.compile(f"[{_INVISIBLE_RANGES}]")
_SEEN: Final = re.compile(rf"[^\s{_INVISIBLE_RANGES}]")
# A black flag with invisible letters behind it is the flag of a region, England's for instance.
_FLAG: Final = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{1,30}\U000e007f)")
_END_OF_FLAG: Final = "\U000e007f"
# The small letter of U+0130 has a dot above the one that it has already, and looks like any other i.
_DOTTED_I: Final = re.compile("i\u0307+")
# Marks that are also typed as characters of their own, か゛ for が, which NFKC makes a space and the mark.
_VOICED: Final = "\u3099\u309a"
_KANA: Final = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_VOWELS: Final = "\u064b-\u0652"
_ARABIC: Final = "\u0620-\u063f\u0641-\u064a\u066e-\u06d3\u0750-\u077f\u08a0-\u08c9"
_APART: Final = re.compile(f" [{_VOICED}{_VOWELS}]")


def prepare() -> None:
    """Compute the tables that folding needs, which takes a quarter of a second, before anybody waits for them."""
    _long_runs()
    _with_marks_apart()
    _expanding()
    _second_characters()


def well_formed(text: str) -> str:
    """Return the text as a JavaScript runtime would encode it: surrogate pairs joined, lone surrogates as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def fold(text: str) -> str:
    """Return the form in which texts are compared: without invisible characters, NFKC, casefolded, NFKC again.

    ``MySQL`` and ``ＭｙＳＱＬ`` fold to ``mysql``. The result is stable: folding it again changes nothing. Lone
    surrogates become U+FFFD, since no store can hold them. One million of the worst characters take under a second.
    """
    if text.isascii():
        return text.lower()
    folded = _fold_in_chunks(text)
    return _with_marks_apart().sub(_joined, folded) if _APART.search(folded) else folded


def fold_as_before(text: str) -> str:
    """Return the form in which 1.0.0 compared texts: what it stored is found by this until it is folded again."""
    if text.isascii():
        return text.lower()
    return "".join(_fold_case(chunk) for chunk in _chunks(bounded(well_formed(text))))


def fold_with_origins(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the folded text, and for each of its characters from where to where it comes from in the original.

    Several characters of the original that become one, or fewer, are the origin of each of them together.
    """
    folded: list[str] = []
    origins: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and not (text[end].isascii() or _begins_anew(text[end])):
            end += 1
        piece = _fold_in_chunks(text[start:end])
        folded.append(piece)
        origins += [(start, end)] * len(piece)
        start = end
    return _join_with_origins("".join(folded), origins)


def is_blank(text: str) -> bool:
    """Tell whether nothing of a text can be seen: it is white space and invisible characters at most."""
    return not _SEEN.search(text)


def visible(text: str) -> str:
    """Return the text without the characters that cannot be seen; the flags of regions stay whole."""
    if text.isascii():
        return text
    if _END_OF_FLAG not in text:
        return _without_invisible(text)
    # Every other piece is a flag.
    return "".join(piece if i % 2 else _without_invisible(piece) for i, piece in enumerate(_FLAG.split(text)))


def bounded(text: str) -> str:
    """Return a text that can be normalised in a time that grows with its length; ordinary text as it is."""
    return text if text.isascii() else _bound_growth(_bound_runs_in_slices(text))


def name_form(name: str) -> str:
    """Return the form in which names are compared: folded and trimmed."""
    return fold(name).strip()


def name_form_as_before(name: str) -> str:
    """Return the form in which 1.0.0 compared names: NFC, trimmed, casefolded."""
    return unicodedata.normalize("NFC", _bound_runs_in_slices(name)).strip().casefold()


def sort_form(name: str) -> str:
    """Return the form by which names are sorted: folded code points without accents."""
    folded = name_form(name)
    if folded.isascii():
        return folded
    return "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))


def _join_with_origins(folded: str, origins: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Join letters with marks apart, as `fold` does; each comes from all of what was joined."""
    if not _APART.search(folded):
        return folded, origins
    texts: list[str] = []
    places: list[tuple[int, int]] = []
    after = 0
    for found in _with_marks_apart().finditer(folded):
        joined = _joined(found)
        texts += [folded[after : found.start()], joined]
        places += origins[after : found.start()]
        places += [(origins[found.start()][0], origins[found.end() - 1][1])] * len(joined)
        after = found.end()
    return "".join([*texts, folded[after:]]), places + origins[after:]


def _joined(found: re.Match[str]) -> str:
    return _join(found[0]) if len(found[0]) <= LONGEST_RUN else _join.__wrapped__(found[0])


@lru_cache(2048)
def _join(text: str) -> str:
    return _bound_runs(unicodedata.normalize("NFC", _bound_runs(text.replace(" ", ""))))


def _fold_in_chunks(text: str) -> str:
    """Fold a text, except that marks apart from their letters stay so."""
    return "".join(_bound_runs(_fold_chunk(chunk)) for chunk in _chunks(bounded(visible(well_formed(text)))))


def _fold_case(chunk: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", chunk).casefold())


def _fold_chunk(chunk: str) -> str:
    folded = _fold_case(chunk)
    return unicodedata.normalize("NFKC", _DOTTED_I.sub("i", folded)) if "i\u0307" in folded else folded


def _without_invisible(text: str) -> str:
    return "".join(_INVISIBLE.sub("", text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def _bound_runs(text: str) -> str:
    return _long_runs().sub(lambda run: run[0][:LONGEST_RUN], text)


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
    """Match more than `LONGEST_RUN` combining marks."""
    marks = _marks()
    # The first one by itself: then the search skips what is no combining character, ten times as fast.
    return re.compile(f"{marks}{marks}{{{LONGEST_RUN - 1}}}{marks}+")


@cache
def _with_marks_apart() -> re.Pattern[str]:
    """Match a kana with its voiced marks, or an Arabic letter with its vowels, however they were typed."""
    voiced, vowels = f"[{_KANA}](?: ?[{_VOICED}])+", f"[{_ARABIC}](?: ?[{_VOWELS}])+"
    return re.compile(f"(?:{voiced}|{vowels}){_marks()}*")


@cache
def _marks() -> str:
    """Return the class of combining marks."""
    return _class_of(lambda c: all(map(unicodedata.combining, unicodedata.normalize("NFKD", c))))


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
    """Tell whether a character can be seen and never combines with what stands before it."""
    if _INVISIBLE.match(character):
        return False
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
