"""Reading and checking the vectors that a provider answers with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import numpy as np

from aimo.ai.embedder import Vectors
from aimo.errors import ProviderError


def read_vectors(answer: object, count: int, dimension: int) -> Vectors:
    """Return the vectors in the order of the texts.

    They may be lists of numbers or base64 of little-endian float32. Their indices count when they tell all vectors
    apart; where they are absent or wrong, the vectors are taken to be in order.

    Raises:
        ProviderError: they are not what was asked for; the text names expected and got.
    """
    items = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(items, list) or not all(isinstance(item, dict) and "embedding" in item for item in items):
        raise _error("the provider's answer is not a list of embeddings; check OPENAI_BASE_URL")
    if len(items) != count:
        raise _error(f"expected {count} vectors, got {len(items)}")
    found = [_numbers(item["embedding"]) for item in _in_order(items)]
    lengths = sorted({len(vector) for vector in found} - {dimension})
    if lengths:
        raise _error(
            f"expected vectors of {dimension} numbers, got {lengths[0]}; set OPENAI_EMBEDDING_DIMENSIONS to what "
            "the model makes"
        )
    try:
        with np.errstate(over="ignore"):  # becomes infinity, which is reported below
            vectors = np.asarray(found, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        raise _error("the provider's answer is not a list of embeddings: a vector holds more than numbers") from None
    if not np.isfinite(vectors).all():
        raise _error("expected finite numbers, got NaN or infinity")
    if not vectors.any(axis=1).all():
        raise _error("expected a direction, got a vector of zeros")
    return vectors


def _in_order(items: list[dict[str, object]]) -> list[dict[str, object]]:
    places = [place for item in items if type(place := item.get("index")) is int]
    if len(set(places)) != len(items):
        return items
    return [item for _, item in sorted(zip(places, items, strict=True), key=lambda pair: pair[0])]


def _numbers(vector: object) -> Sequence[object] | Vectors:
    if isinstance(vector, list) and len(vector) == 1 and isinstance(vector[0], list):
        return vector[0]
    if isinstance(vector, list):
        return vector
    try:
        if isinstance(vector, str):
            return np.frombuffer(base64.b64decode(vector, validate=True), dtype="<f4")
    except (binascii.Error, ValueError):
        raise _error("the provider's answer is not a list of embeddings: a vector is not base64 of float32") from None
    raise _error("the provider's answer is not a list of embeddings: a vector is not a list")


def _error(reason: str) -> ProviderError:
    return ProviderError(f"Embedding: {reason}", answered=True)
