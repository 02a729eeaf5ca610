"""The place in a memo that answers a search, with the query's terms marked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from aimo.dto.memos import Snippet

_LENGTH = 160
_BEFORE = 40


def snippet(content: str, terms: Sequence[str]) -> Snippet:
    """A piece of at most 160 characters around the first term that occurs, else the beginning.

    Terms are folded texts (NFKC, casefolded). Marks are UTF-16 offsets, as clients count.
    """
    folded, origin = _fold_with_origins(content)
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


def _fold_with_origins(content: str) -> tuple[str, list[int]]:
    """The content folded character by character, and where each folded character came from."""
    folded: list[str] = []
    origin: list[int] = []
    for position, character in enumerate(content):
        piece = unicodedata.normalize("NFKC", character).casefold()
        folded.append(piece)
        origin.extend([position] * len(piece))
    return "".join(folded), origin


def _spans(folded: str, terms: Sequence[str]) -> list[tuple[int, int]]:
    spans = []
    for term in filter(None, terms):
        at = folded.find(term)
        while at >= 0:
            spans.append((at, at + len(term)))
            at = folded.find(term, at + len(term))
    return spans


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
