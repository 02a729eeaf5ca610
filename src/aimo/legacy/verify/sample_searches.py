"""A sample of searches, asked of both sides: the old vectors and the new table must rank alike.

The old side is ranked while its vectors are read for the comparison anyway: LanceDB's own search would scan the
whole source once for every question, with memory that grows with it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from aimo.legacy.verify.verification_result import Mismatch, Verification
from aimo.vectors.vector_table import VectorTable

_HITS = 10
_CLOSE = 1e-5


@dataclass
class _SampleQuery:
    """The neighbours of one memo among its owner's: ``best`` holds the nearest seen so far."""

    key: str
    uid: str
    vector: npt.NDArray[np.float32]
    best: list[tuple[float, str]] = field(default_factory=list)

    @property
    def ranking(self) -> list[tuple[str, float]]:
        """Ids with their similarities, best first."""
        return [(row_id, score) for score, row_id in sorted(self.best, key=lambda pair: (-pair[0], pair[1]))]


class SampleSearches:
    """Some questions, answered first from the pages of the source, then by the target."""

    def __init__(self) -> None:
        self._questions: list[_SampleQuery] = []

    def ask(self, key: str, uid: str, vector: list[float]) -> None:
        """Add a question, before the first page comes."""
        self._questions.append(_SampleQuery(key, uid, np.array(vector, dtype=np.float32)))

    def see(self, keys: list[str], uids: list[str], vectors: pa.FixedSizeListArray) -> None:
        """Add rows of the source that are in the target."""
        asked = {question.uid for question in self._questions}
        if not asked.intersection(uids):
            return
        matrix = vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(vectors), -1)
        owners = np.array(uids, dtype=object)
        for uid in asked:
            places = np.flatnonzero(owners == uid)
            if places.size:
                mine = matrix[places].astype(np.float64)
                mine /= np.linalg.norm(mine, axis=1)[:, np.newaxis]
                for question in self._questions:
                    if question.uid == uid:
                        _improve(question, [keys[place] for place in places], mine)

    async def compare(self, target: VectorTable, result: Verification) -> None:
        """Ask the target the same.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        for question in self._questions:
            found = await target.search(question.uid, question.vector, 2 * _HITS)
            ours = [(hit.id, hit.similarity) for hit in found]
            result.searches += 1
            if not _same_ranking(question.ranking, ours):
                expected, got = [row[0] for row in question.ranking], [row[0] for row in ours[:_HITS]]
                result.differ(Mismatch(target.name, question.key, "ranking", "differs", expected, got))


def _improve(question: _SampleQuery, keys: list[str], vectors: npt.NDArray[np.float64]) -> None:
    target = question.vector.astype(np.float64)
    scores = np.clip(vectors @ (target / np.linalg.norm(target)), 0.0, 1.0)
    near = np.argsort(-scores, kind="stable")[:_HITS]
    question.best = heapq.nlargest(_HITS, [*question.best, *((float(scores[i]), keys[i]) for i in near)])


def _same_ranking(wanted: list[tuple[str, float]], found: list[tuple[str, float]]) -> bool:
    """Return whether two rankings agree; rows as near as each other may change places."""
    if len(found) < len(wanted):
        return False
    scores = dict(found)
    for (row_id, score), (_, theirs) in zip(wanted, found, strict=False):
        tied_with_last = abs(score - wanted[-1][1]) <= _CLOSE
        if abs(score - theirs) > _CLOSE or (row_id not in scores and not tied_with_last):
            return False
    return True
