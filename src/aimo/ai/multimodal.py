"""What every embedder of pictures and videos promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aimo.ai.embedder import Vectors
from aimo.vectors.hashes import MultimodalContent


class MultimodalEmbedder(Protocol):
    """Turns texts, pictures and videos into vectors that can be compared with each other."""

    model: str
    dimension: int
    model_hash: str
    """The key of its vectors in the cache (docs/contract/source-database.md#embedding-caches)."""

    async def embed(self, contents: Sequence[MultimodalContent]) -> Vectors:
        """Return the vectors of all contents, float32 ``[len(contents), dimension]``, in their order.

        Raises:
            ProviderError: some have no vector; ``retryable`` is false when the content was refused.
        """

    async def close(self) -> None:
        """Release connections."""
