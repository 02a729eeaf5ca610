"""The order of a hybrid search: words that are really there first, then meaning (decided by measuring).

On a labelled bilingual set, lexical scores mixed into the similarity (reciprocal ranks, BM25, weighted shares of
the query's words) never beat this order by more than noise, and cost cross-language queries up to half their score.
``bench/search_quality`` repeats the measurement.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from aimo.folding import fold, is_blank, visible

MatchedBy = Literal["both", "text", "semantic"]

MOST_TERMS = 16
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# People leave out the space between an English word and Chinese ones, and put it elsewhere in the memo.
_LATIN = "A-Za-zＡ-Ｚａ-ｚ"
_SEPARATOR = re.compile(
    r"[\s。，；：！？、…“”‘’「」『』（）《》〈〉【】｡､｢｣]+"
    rf"|(?<=[{_LATIN}]{{2}})(?=[{_HAN}]{{2}})|(?<=[{_HAN}]{{2}})(?=[{_LATIN}]{{2}})"
)
_SENTENCE_MARKS = ".,;:!?\"'()[]<>"


class Match(NamedTuple):
    """A found memo and what found it."""

    id: str
    matched_by: MatchedBy


def lookups(query: str) -> list[list[str]]:
    """Return what to look up literally: lists of terms that a memo must contain all of, the strictest list first.

    The first is the query itself, the second its terms where these differ: pieces between white space or
    punctuation, stripped of sentence marks. Chinese is never cut into characters, so a question is one
    term and finds its memos by meaning. Every memo that fits the first list fits the second.
    """
    if is_blank(query):
        return []
    whole = query.strip()
    terms = query_terms(query)
    return [[whole]] if terms == [fold(whole)] or len(terms) > MOST_TERMS else [[whole], terms]


def query_terms(query: str) -> list[str]:
    """Return the query's terms, folded, in order; those that are part of another term are left out.

    More than 16 of them are no search for words any more: of these it gives 17, to tell that there were too many.
    """
    pieces = [fold(piece).strip(_SENTENCE_MARKS) for piece in _SEPARATOR.split(visible(query))]
    distinct = list(dict.fromkeys(piece for piece in pieces if piece))
    if len(distinct) > MOST_TERMS:
        return distinct[: MOST_TERMS + 1]
    terms = [term for term in distinct if not any(term != other and term in other for other in distinct)]
    return terms or [fold(query.strip())]


def match_levels(literal: Sequence[Collection[str]]) -> dict[str, int]:
    """Return the strictest of ``lookups(query)`` that each id was found for, as a place in that list."""
    return {memo_id: place for place in range(len(literal) - 1, -1, -1) for memo_id in literal[place]}


def fuse(
    semantic: Sequence[tuple[str, float]],
    literal: Sequence[Collection[str]],
    partial: Sequence[str] = (),
    *,
    relevant: float = 0.0,
) -> list[Match]:
    """Return all found memos in the order in which to show them, each once.

    Args:
        semantic: ids with cosine similarity, best first. Literal matches that are missing here come last among
            theirs, so similarities of all memos give the best order.
        literal: the ids found for each of ``lookups(query)``, in that order.
        partial: ids by text score, best first; they decide between equal similarities and fill up the end.
        relevant: similarity from which a literal match counts as found by meaning too.
    """
    similarity = dict(reversed(semantic))
    tier = match_levels(literal)
    text_rank = {memo_id: rank for rank, memo_id in reversed(list(enumerate(partial)))}
    scored = dict.fromkeys([*(memo_id for memo_id, _ in semantic), *partial])

    def order(memo_id: str) -> tuple[float, int]:
        return -similarity.get(memo_id, -2.0), text_rank.get(memo_id, len(partial))

    def matched_by(memo_id: str) -> MatchedBy:
        if memo_id not in similarity:
            return "text"
        if memo_id not in tier:
            return "semantic"
        return "both" if similarity[memo_id] >= relevant else "text"

    groups: list[list[Match]] = [[] for _ in range(len(literal) + 1)]
    for memo_id in sorted(scored, key=order):
        groups[tier.get(memo_id, len(literal))].append(Match(memo_id, matched_by(memo_id)))
    # A common word is in many thousand memos that nothing else distinguishes: they come last of theirs, unsorted.
    for memo_id, place in tier.items():
        if memo_id not in scored:
            groups[place].append(Match(memo_id, "text"))
    return [match for group in groups for match in group]
