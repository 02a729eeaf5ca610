"""Embeddings of pictures and videos by DashScope (docs/contract/providers.md#pictures)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aimo.ai import provider_reasons
from aimo.ai.embedder import Vectors
from aimo.ai.json_client import JsonClient
from aimo.errors import ProviderError
from aimo.vectors.hashes import MultimodalContent, multimodal_dimension, multimodal_model_hash

_PATH = "/services/embeddings/multimodal-embedding/multimodal-embedding"
# Whole pictures travel inside the request.
_SECONDS = 30.0
_SEVERAL_IMAGES = "tongyi-embedding-vision-"
# A model without a list of dimensions is sent none and makes vectors of this length.
_DEFAULT_DIMENSION = 1024
_REFUSED = frozenset({400, 413, 415, 422})


class DashScopeEmbedder:
    """Vectors from ``POST {base_url}/services/embeddings/multimodal-embedding/multimodal-embedding``."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        *,
        dimension: int = _DEFAULT_DIMENSION,
        output_type: str = "dense",
        fps: float = 0.5,
        seconds: float = _SECONDS,
    ) -> None:
        """``dimension`` is the one wanted; ``fps`` are the frames a second looked at in videos."""
        self.model = model
        self.model_hash = multimodal_model_hash(model, output_type, dimension, fps)
        self._sent_dimension = multimodal_dimension(model, dimension)
        self.dimension = self._sent_dimension or _DEFAULT_DIMENSION
        self._output_type = output_type
        self._fps = fps
        self._key = api_key
        self._calls = JsonClient(base_url, api_key, seconds=seconds)

    async def embed(self, contents: Sequence[MultimodalContent]) -> Vectors:
        """See ``MultimodalEmbedder.embed``."""
        if not self._key:
            raise ProviderError("DASHSCOPE_API_KEY is not configured")
        body = {
            "model": self.model,
            "input": {"contents": [self._worded(content) for content in contents]},
            "parameters": self._parameters(contents),
        }
        try:
            reply = await self._calls.post(_PATH, body)
        except ProviderError as error:
            raise _failed(str(error)) from None
        found = reply.json
        if not reply.ok or found.get("code"):
            code = found.get("code")
            reason = f"HTTP {reply.status}" + (f", {code[:80]}" if isinstance(code, str) else "")
            sent = [text for content in contents for text in (content.text, content.image, content.video) if text]
            said = provider_reasons.shown("; ".join(provider_reasons.messages(found)), secrets=[self._key], sent=sent)
            told = f"{reason}: {said}" if said else reason
            raise _failed(told, retryable=reply.status not in _REFUSED, answered=True)
        return self._vectors(found, len(contents))

    async def close(self) -> None:
        """See ``MultimodalEmbedder.close``."""
        await self._calls.close()

    def _parameters(self, contents: Sequence[MultimodalContent]) -> dict[str, object]:
        parameters: dict[str, object] = {"output_type": self._output_type}
        if self._sent_dimension is not None:
            parameters["dimension"] = self._sent_dimension
        if any(content.video for content in contents):
            parameters["fps"] = self._fps
        return parameters

    def _worded(self, content: MultimodalContent) -> dict[str, object]:
        parts: dict[str, object] = {
            name: value
            for name, value in (("text", content.text), ("image", content.image), ("video", content.video))
            if value
        }
        if images := [image for image in content.multi_images if image]:
            if parts or not self.model.startswith(_SEVERAL_IMAGES):
                raise _failed("several images are embedded by themselves, by tongyi models only", retryable=False)
            parts["multi_images"] = images
        return parts

    def _vectors(self, found: Mapping[str, object], count: int) -> Vectors:
        output = found.get("output")
        items = output.get("embeddings") if isinstance(output, dict) else None
        if not isinstance(items, list) or len(items) != count or not all(isinstance(item, dict) for item in items):
            raise _failed(f"expected {count} vectors")
        placed = {_index(item, place): item.get("embedding") for place, item in enumerate(items)}
        try:
            vectors = np.asarray([placed[place] for place in range(count)], dtype=np.float32)
        except (KeyError, TypeError, ValueError):
            raise _failed("the answer holds no vectors") from None
        if vectors.shape != (count, self.dimension):
            raise _failed(f"expected vectors of {self.dimension} numbers; check MULTIMODAL_EMBEDDING_DIMENSION")
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise _failed("expected finite numbers and a direction")
        return vectors


def _index(item: Mapping[str, object], place: int) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else place


def _failed(reason: str, *, retryable: bool = True, answered: bool = False) -> ProviderError:
    return ProviderError(f"DashScope API call failed: {reason}", retryable=retryable, answered=answered)
