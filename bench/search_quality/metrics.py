"""How good a ranking is: graded nDCG and recall, per kind of query and over all."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).parent
GRADES = {2: "answers the query", 1: "related"}


class Memo(TypedDict):
    id: str
    language: str
    topic: str
    text: str


class Query(TypedDict):
    id: str
    kind: str
    query: str
    relevant: dict[str, int]


def load_memos() -> list[Memo]:
    """The collection that is searched."""
    memos: list[Memo] = json.loads((HERE / "memos.json").read_text("utf-8"))
    return memos


def load_queries() -> list[Query]:
    """The queries with the grade of every relevant memo: 2 answers, 1 is related."""
    queries: list[Query] = json.loads((HERE / "queries.json").read_text("utf-8"))
    return queries


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], depth: int = 10) -> float:
    """Normalised discounted cumulative gain of the first ``depth`` places, gain ``2**grade - 1``, from 0 to 1."""
    gains = [2 ** relevant.get(memo_id, 0) - 1 for memo_id in ranking[:depth]]
    ideal = sorted((2**grade - 1 for grade in relevant.values()), reverse=True)[:depth]
    return _discounted(gains) / _discounted(ideal)


def recall(ranking: Sequence[str], relevant: Mapping[str, int], depth: int = 10) -> float:
    """Share of the relevant memos among the first ``depth``; of as many as fit when there are more."""
    found = sum(memo_id in relevant for memo_id in ranking[:depth])
    return found / min(len(relevant), depth)


def score(
    search: Callable[[Query], Sequence[str]],
    queries: Sequence[Query],
    measure: Callable[[Sequence[str], Mapping[str, int]], float] = ndcg,
) -> dict[str, float]:
    """Mean of ``measure`` over the queries, by kind, and ``all``."""
    by_kind: dict[str, list[float]] = {"all": []}
    for query in queries:
        value = measure(search(query), query["relevant"])
        by_kind["all"].append(value)
        by_kind.setdefault(query["kind"], []).append(value)
    return {kind: sum(values) / len(values) for kind, values in by_kind.items()}


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
