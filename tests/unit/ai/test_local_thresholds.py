"""The thresholds of the offline embedder, held against pairs of texts whose subjects are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from aimo.ai.local_embedder import LocalEmbedder

CALIBRATION = json.loads(Path(__file__).with_name("calibration.json").read_text("utf-8"))


class Pairs(NamedTuple):
    """Similarities of pairs, and which of the pairs belong together."""

    similarity: np.ndarray
    related: np.ndarray

    def precision_and_recall(self, threshold: float) -> tuple[float, float]:
        above = self.similarity >= threshold
        hits = (above & self.related).sum()
        return hits / max(1, above.sum()), hits / self.related.sum()


@pytest.fixture
async def embedder() -> LocalEmbedder:
    return LocalEmbedder()


def flat(kind: str) -> tuple[list[str], np.ndarray]:
    """All texts of a kind and the number of each one's subject."""
    texts = [(text, place) for place, subject in enumerate(CALIBRATION["subjects"]) for text in subject[kind]]
    return [text for text, _ in texts], np.array([place for _, place in texts])


async def test_relevant_separates_answers_from_the_rest(embedder: LocalEmbedder) -> None:
    memos, memo_subjects = flat("memos")
    questions, question_subjects = flat("questions")
    passages = await embedder.embed(memos, "passage")
    asked = await embedder.embed(questions, "query")
    pairs = Pairs(asked @ passages.T, question_subjects[:, None] == memo_subjects[None, :])
    precision, recall = pairs.precision_and_recall(embedder.relevant)
    assert precision >= 0.9
    assert recall >= 0.95


async def test_question_about_nothing_in_the_memos_finds_nothing_relevant(embedder: LocalEmbedder) -> None:
    passages = await embedder.embed(flat("memos")[0], "passage")
    asked = await embedder.embed(CALIBRATION["unrelated"], "query")
    assert (asked @ passages.T).max() < embedder.relevant


async def test_thematic_joins_memos_on_one_subject_only(embedder: LocalEmbedder) -> None:
    memos, subjects = flat("memos")
    vectors = await embedder.embed(memos, "passage")
    first, second = np.triu_indices(len(memos), 1)
    pairs = Pairs((vectors @ vectors.T)[first, second], subjects[first] == subjects[second])
    precision, recall = pairs.precision_and_recall(embedder.thematic)
    assert precision >= 0.9
    assert recall >= 0.9
