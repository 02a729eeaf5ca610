"""Hybrid search on the labelled bilingual set, with the offline embedder."""

from __future__ import annotations

from collections import Counter

import pytest
from bench.search_quality.arms import Arm, arms
from bench.search_quality.metrics import GRADES, load_memos, load_queries, ndcg, recall, score

from aimo.ai.local_embedder import LocalEmbedder
from aimo.folding import fold

MEMOS, QUERIES = load_memos(), load_queries()
FOLDED = {memo["id"]: fold(memo["text"]) for memo in MEMOS}
KINDS = ("keyword", "substring", "paraphrase", "cross-language", "question")


def containing(query: str) -> set[str]:
    return {memo_id for memo_id, text in FOLDED.items() if fold(query) in text}


@pytest.fixture
async def ranked() -> dict[str, Arm]:
    embedder = LocalEmbedder()
    found = await arms(embedder, MEMOS, QUERIES)
    await embedder.close()
    return found


def test_set_is_large_bilingual_and_labelled() -> None:
    languages = Counter(memo["language"] for memo in MEMOS)
    assert len(FOLDED) == len(MEMOS) >= 200
    assert min(languages["zh"], languages["en"]) >= 100
    assert min(Counter(query["kind"] for query in QUERIES)[kind] for kind in KINDS) >= 12
    for query in QUERIES:
        assert query["relevant"]
        assert set(query["relevant"]) <= set(FOLDED)
        assert set(query["relevant"].values()) <= set(GRADES)


def test_every_literal_match_of_a_keyword_is_labelled() -> None:
    for query in QUERIES:
        if query["kind"] in ("keyword", "substring"):
            assert containing(query["query"]) <= set(query["relevant"]), query["query"]


async def test_hybrid_beats_both_arms_by_a_tenth(ranked: dict[str, Arm]) -> None:
    scores = {name: score(arm, QUERIES) for name, arm in ranked.items()}
    assert scores["hybrid"]["all"] >= 1.1 * max(scores["semantic"]["all"], scores["text"]["all"])
    assert scores["hybrid"]["all"] >= 0.87
    for kind in KINDS:
        assert scores["hybrid"][kind] >= scores["semantic"][kind] - 0.01
    assert scores["hybrid"]["substring"] >= 0.95
    assert scores["hybrid"]["cross-language"] >= 0.8


async def test_every_literal_match_is_among_the_first_fifty(ranked: dict[str, Arm]) -> None:
    for query in QUERIES:
        found = containing(query["query"])
        assert len(found) <= 50
        assert found <= set(ranked["hybrid"](query)[:50])


def test_measures_agree_with_values_worked_out_by_hand() -> None:
    assert ndcg(["a", "b"], {"a": 2, "b": 1}) == 1
    assert ndcg(["x", "a"], {"a": 2}) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg(["x"], {"a": 1}) == 0
    assert recall(["a", "x"], {"a": 2, "b": 1}) == 0.5
