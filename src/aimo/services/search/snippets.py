"""The place in a memo that answers a search, with the query's terms marked."""

from __future__ import annotations

from collections.abc import Sequence

from aimo.dto.memos import Snippet
from aimo.folding import fold

_LENGTH = 160
_BEFORE = 40
# How far into a memo terms are looked for, and how much of it is folded character by character around the first.
_SEARCHED = 200_000
_WINDOW = 4096


def snippet(content: str, terms: Sequence[str]) -> Snippet:
    """Return a piece of at most 160 characters around the first term that occurs, else the beginning.

    Terms are folded texts (NFKC, casefolded). Those that a piece has room for are looked for in the first 200,000
    characters. Marks are UTF-16 offsets, as clients count.
    """
    terms = [term for term in terms if 0 < len(term) <= _LENGTH]
    window = _window(content, terms)
    folded, origin = _fold_with_origins(content, window)
    spans = sorted(_spans(folded, terms))
    first = origin[spans[0][0]] if spans else 0
    start = max(0, first - _BEFORE) if first > _LENGTH - _BEFORE else 0
    text = content[start : start + _LENGTH]
    marks: list[tuple[int, int]] = []
    for begin, end in spans:
        # The last folded character may stand for a character that folds into several.
        left, right = origin[begin] - start, origin[end - 1] + 1 - start
        if left < 0 or right > len(text):
            continue
        if marks and left <= marks[-1][1]:
            marks[-1] = (marks[-1][0], max(right, marks[-1][1]))
        else:
            marks.append((left, right))
    return Snippet(text=text, marks=[(_utf16(text[:left]), _utf16(text[:right])) for left, right in marks])


def _window(content: str, terms: Sequence[str]) -> range:
    """Return where the first of the terms is, and what a snippet shows after it; nothing without any of them."""
    longest = max(map(len, terms), default=0)
    step, spare = _WINDOW + longest, _LENGTH + 2 * longest
    for start in range(0, min(len(content), _SEARCHED), step):
        folded = fold(content[start : start + step + spare])
        if any(term in folded for term in terms):
            return range(start, min(start + step + spare, len(content)))
    return range(0)


def _fold_with_origins(content: str, window: range) -> tuple[str, list[int]]:
    """Return that part of the content, folded character by character, and where each folded character came from."""
    folded: list[str] = []
    origin: list[int] = []
    for position in window:
        piece = fold(content[position])
        folded.append(piece)
        origin.extend([position] * len(piece))
    return "".join(folded), origin


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
