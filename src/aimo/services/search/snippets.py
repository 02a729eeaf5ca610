"""The place in a memo that answers a search, with the query's terms marked."""

from __future__ import annotations

from collections.abc import Sequence

from aimo.dto.memos import Snippet
from aimo.folding import fold, fold_with_origins

_LENGTH = 160
_BEFORE = 40
# How far into a memo terms are looked for, and how much of it is folded character by character around the first.
_SEARCHED = 200_000
_WINDOW = 4096
# Decomposed text with invisible characters is longer than what it folds to; a term is seldom longer by more than this.
_TIMES_LONGER = 8


def snippet(content: str, terms: Sequence[str]) -> Snippet:
    """Return a piece of at most 160 characters around the first term that occurs, else the beginning.

    Terms are folded texts. Those that a piece has room for are looked for in the first 200,000 characters. What is
    marked are whole characters as they are written, with accents and invisible characters that belong to them. Marks
    are UTF-16 offsets, as clients count.
    """
    terms = [term for term in terms if 0 < len(term) <= _LENGTH]
    window = _window(content, terms)
    folded, origins = fold_with_origins(content[window.start : window.stop])
    found = [(window.start + origins[a][0], window.start + origins[b - 1][1]) for a, b in _spans(folded, terms)]
    # Where matches begin together, the longest comes first.
    found.sort(key=lambda place: (place[0], -place[1]))
    first, last = found[0] if found else (0, 0)
    # A long match has less in front of it, so that all of it can be shown.
    before = min(_BEFORE, max(0, _LENGTH - (last - first)))
    start = max(0, first - before) if last > _LENGTH or first > _LENGTH - _BEFORE else 0
    text = content[start : start + _LENGTH]
    marks: list[tuple[int, int]] = []
    for begin, end in found:
        left, right = begin - start, min(end - start, len(text))
        if end - start > len(text) and marks:
            continue
        if marks and left <= marks[-1][1]:
            marks[-1] = (marks[-1][0], max(right, marks[-1][1]))
        else:
            marks.append((left, right))
    return Snippet(text=text, marks=[(_utf16(text[:left]), _utf16(text[:right])) for left, right in marks])


def _window(content: str, terms: Sequence[str]) -> range:
    """Return where the first of the terms is, and what a snippet shows after it; nothing without any of them."""
    longest = max(map(len, terms), default=0)
    step, spare = _WINDOW + longest, _LENGTH + _TIMES_LONGER * longest
    for start in range(0, min(len(content), _SEARCHED), step):
        folded = fold(content[start : start + step + spare])
        if any(term in folded for term in terms):
            return range(start, min(start + step + spare, len(content)))
    return range(0)


def _spans(folded: str, terms: Sequence[str]) -> list[tuple[int, int]]:
    spans = []
    for term in terms:
        at = folded.find(term)
        while at >= 0:
            spans.append((at, at + len(term)))
            at = folded.find(term, at + len(term))
    return spans


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
