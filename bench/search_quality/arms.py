"""The rankings that are compared: by meaning alone, by words alone, and both together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from bench.search_quality.metrics import Memo, Query

from aimo.ai.embedder import Embedder
from aimo.folding import fold
from aimo.services.search.hybrid_ranking import fuse, lookups

Arm = Callable[[Query], list[str]]


async def arms(embedder: Embedder, memos: Sequence[Memo], queries: Sequence[Query]) -> dict[str, Arm]:
    """``semantic``, ``text`` and ``hybrid``, each giving all memo ids in its order."""
    ids = [memo["id"] for memo in memos]
    folded = {memo["id"]: fold(memo["text"]) for memo in memos}
    passages = await embedder.embed([memo["text"] for memo in memos], "passage")
    asked = await embedder.embed([query["query"] for query in queries], "query")
    similarities = dict(zip((query["id"] for query in queries), asked @ passages.T, strict=True))
    index = NgramIndex(folded)

    def similar(query: Query) -> list[tuple[str, float]]:
        row = similarities[query["id"]]
        return [(ids[place], float(row[place])) for place in np.argsort(-row, kind="stable")]

    def semantic(query: Query) -> list[str]:
        return [memo_id for memo_id, _ in similar(query)]

    def text(query: Query) -> list[str]:
        return index.ranked(fold(query["query"]))

    def hybrid(query: Query) -> list[str]:
        literal = [
            [memo_id for memo_id in ids if all(fold(term) in folded[memo_id] for term in terms)]
            for terms in lookups(query["query"])
        ]
        return [match.id for match in fuse(similar(query), literal, text(query))]

    return {"semantic": semantic, "text": text, "hybrid": hybrid}


class NgramIndex:
    """BM25 over pieces of one and two characters, as the text index of LanceDB ranks (``ngram``, 1 to 2)."""

    def __init__(self, texts: dict[str, str], k1: float = 1.2, b: float = 0.75) -> None:
        self._counts = {memo_id: _ngrams(text) for memo_id, text in texts.items()}
        lengths = {memo_id: counts.total() for memo_id, counts in self._counts.items()}
        mean = sum(lengths.values()) / len(lengths)
        self._norms = {memo_id: k1 * (1 - b + b * length / mean) for memo_id, length in lengths.items()}
        self._containing = Counter(ngram for counts in self._counts.values() for ngram in counts)
        self._k1 = k1

    def ranked(self, query: str) -> list[str]:
        """The memos that share any piece with the query, best first."""
        wanted = _ngrams(query)
        scores = {memo_id: self._score(memo_id, wanted) for memo_id in self._counts}
        return sorted((memo_id for memo_id, score in scores.items() if score), key=lambda found: -scores[found])

    def _score(self, memo_id: str, wanted: Counter[str]) -> float:
        counts, norm = self._counts[memo_id], self._norms[memo_id]
        shared = (ngram for ngram in wanted if ngram in counts)
        return sum(self._rarity(ngram) * counts[ngram] * (self._k1 + 1) / (counts[ngram] + norm) for ngram in shared)

    def _rarity(self, ngram: str) -> float:
        containing = self._containing[ngram]
        return math.log(1 + (len(self._counts) - containing + 0.5) / (containing + 0.5))


def _ngrams(text: str) -> Counter[str]:
    return Counter(text[start : start + size] for size in (1, 2) for start in range(len(text) - size + 1))
