"""What every embedder promises: texts in, comparable vectors out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from aimo.errors import ProviderError

Role = Literal["passage", "query"]
Vectors = NDArray[np.float32]
Outcome = Vectors | ProviderError

_SURROGATE = re.compile("[\ud800-\udfff]")


class Embedder(Protocol):
    """Turns texts into vectors whose cosine says how close their meanings are.

    Cosine scales differ a lot between models, so each embedder declares the similarity from which
    a memo is worth quoting in an answer (``relevant``) and from which two memos share a subject (``thematic``).
    """

    model: str
    dimension: int
    relevant: float
    thematic: float

    def cache_model(self, role: Role) -> str:
        """Return the model name under which vectors of this role are cached; one for both where roles are alike."""

    async def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return the vectors of all texts, float32 ``[len(texts), dimension]``, in their order.

        Safe to cancel, so a caller in a hurry wraps it in ``asyncio.timeout``.

        Raises:
            ProviderError: when any text has no vector; ``retryable`` is false when its content was refused.
        """

    async def embed_each(self, texts: Sequence[str], role: Role) -> list[Outcome]:
        """Return a vector or the reason for its absence for every text: one bad text costs no other its vector."""

    async def warm_up(self) -> None:
        """Do once what would make the first request slow. Raises nothing."""

    async def close(self) -> None:
        """Release connections and threads. The embedder is of no use afterwards."""


def well_formed(text: str) -> str:
    """Return the text with each lone surrogate replaced by U+FFFD, as it has no UTF-8 form.

    See docs/contract/source-database.md#embedding-caches.
    """
    return _SURROGATE.sub("\ufffd", text)
