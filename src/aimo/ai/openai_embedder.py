"""Embeddings from any OpenAI-compatible provider (docs/contract/providers.md#embeddings)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import numpy as np
import openai
from openai.types import CreateEmbeddingResponse

from aimo.ai.embedder import Outcome, Role, Vectors, well_formed
from aimo.ai.openai_errors import is_transient, provider_error, retry_after
from aimo.errors import ProviderError

_TASK = "Embedding"
_MOST_INPUTS = 2048
# One call takes at most 300,000 tokens, and a Chinese character may cost more than one.
_MOST_CHARACTERS = 150_000
_WAITS = (0.5, 2.0)
# Lengths at which an over-long text is tried again, for models of 8192, 2048 and 512 tokens.
_CUTS = (6000, 1500, 400)
_PROBE = "ok"


class OpenAIEmbedder:
    """Vectors from ``POST {base_url}/embeddings``, stored as received and never normalised.

    Network errors, time-outs and HTTP 408, 409, 429 and 5xx are tried three times; other statuses and a used up
    quota fail at once.
    Every answer is checked: number of vectors, their length, no NaN, infinity or null vector.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        dimension: int,
        *,
        timeout: float = 30.0,
        waits: Sequence[float] = _WAITS,
        relevant: float = 0.5,
        thematic: float = 0.6,
    ) -> None:
        """Args name the provider; ``timeout`` (seconds) bounds one call, ``waits`` the pauses between attempts."""
        self.model = model
        self.dimension = dimension
        self.relevant = relevant
        self.thematic = thematic
        self._timeout = timeout
        self._waits = tuple(waits)
        self._most_inputs = _MOST_INPUTS
        # Providers without accounts take any key, the SDK none that is empty.
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key or "none", timeout=timeout, max_retries=0)

    def cache_model(self, role: Role) -> str:
        """Return the configured model: these models embed queries and passages alike."""
        return self.model

    async def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """See ``Embedder.embed``. A blank text is refused before any call."""
        if any(not text.strip() for text in texts):
            raise _blank()
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for batch in self._batches(texts):
            vectors[done : done + len(batch)] = await self._call(batch, self._waits)
            done += len(batch)
        return vectors

    async def embed_each(self, texts: Sequence[str], role: Role) -> list[Outcome]:
        """See ``Embedder.embed_each``. Texts too long for the model are represented by their beginning.

        During an outage the first batch finds out; the remaining texts get its error unasked.
        """
        asked = [text for text in texts if text.strip()]
        outcomes: list[Outcome] = []
        try:
            for batch in self._batches(asked):
                await self._embed_halving(batch, outcomes, self._waits)
        except ProviderError as outage:
            outcomes.extend([outage] * (len(asked) - len(outcomes)))
        answers = iter(outcomes)
        return [next(answers) if text.strip() else _blank() for text in texts]

    async def warm_up(self) -> None:
        """Nothing: the provider is far away and warm."""

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._client.close()

    def _batches(self, texts: Sequence[str]) -> list[list[str]]:
        batches: list[list[str]] = []
        size = 0
        for text in map(well_formed, texts):
            size += len(text)
            if not batches or len(batches[-1]) >= self._most_inputs or size > _MOST_CHARACTERS:
                batches.append([])
                size = len(text)
            batches[-1].append(text)
        return batches

    async def _embed_halving(self, batch: list[str], outcomes: list[Outcome], waits: Sequence[float]) -> None:
        """Append the outcome of every text, halving a refused batch until the texts at fault stand alone.

        Raises:
            ProviderError: the provider refuses even a harmless text; outcomes so far are appended.
        """
        try:
            outcomes.extend(await self._call(batch, waits))
            return
        except ProviderError as failure:
            error = failure
        if error.retryable and not await self._is_up():
            raise error
        if len(batch) == 1:
            outcomes.append(error if error.retryable else await self._embed_beginning(batch[0], error))
            return
        middle = len(batch) // 2
        start = len(outcomes)
        for half in (batch[:middle], batch[middle:]):
            await self._embed_halving(half, outcomes, ())
        if not any(isinstance(outcome, ProviderError) for outcome in outcomes[start:]):
            # No text was at fault, so the batch was too large for this provider.
            self._most_inputs = min(self._most_inputs, len(batch) - middle)

    async def _is_up(self) -> bool:
        try:
            await self._call([_PROBE], ())
        except ProviderError:
            return False
        return True

    async def _embed_beginning(self, text: str, refusal: ProviderError) -> Outcome:
        for cut in _CUTS:
            if cut < len(text) and text[:cut].strip():
                try:
                    vector: Vectors = (await self._call([text[:cut]], ()))[0]
                except ProviderError:
                    continue
                return vector
        return refusal

    async def _call(self, batch: list[str], waits: Sequence[float]) -> Vectors:
        """Return one batch's vectors, with one more attempt after each of ``waits`` (seconds)."""
        for wait in (*waits, None):
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._client.embeddings.create(
                        model=self.model, input=batch, dimensions=self.dimension, encoding_format="float"
                    )
                return _checked(answer, len(batch), self.dimension)
            except (openai.OpenAIError, TimeoutError) as failure:
                error = failure
            except (ValueError, TypeError, AttributeError):
                # The SDK does not validate answers: whatever is not an embeddings object ends here.
                raise ProviderError(f"{_TASK}: the provider's answer is not a list of embeddings") from None
            if wait is None or not is_transient(error, conflict=True):
                break
            await asyncio.sleep(retry_after(error) or wait * random.uniform(0.8, 1.2))
        raise provider_error(error, _TASK)


def _checked(answer: CreateEmbeddingResponse, count: int, dimension: int) -> Vectors:
    """Return the vectors in the order of the inputs.

    Raises:
        ProviderError: they are not what was asked for; the text names expected and got.
    """
    found = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
    if len(found) != count:
        raise ProviderError(f"{_TASK}: expected {count} vectors, got {len(found)}")
    lengths = sorted({len(vector) for vector in found} - {dimension})
    if lengths:
        raise ProviderError(
            f"{_TASK}: expected vectors of {dimension} numbers, got {lengths[0]}; check OPENAI_EMBEDDING_DIMENSIONS"
        )
    with np.errstate(over="ignore"):  # becomes infinity, which is reported below
        vectors = np.asarray(found, dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise ProviderError(f"{_TASK}: expected finite numbers, got NaN or infinity")
    if not vectors.any(axis=1).all():
        raise ProviderError(f"{_TASK}: expected a direction, got a vector of zeros")
    return vectors


def _blank() -> ProviderError:
    return ProviderError(f"{_TASK}: a blank text has no meaning", retryable=False)
