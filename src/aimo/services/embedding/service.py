"""Vectors of texts: from memory, from the cache table, or from the embedder."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import structlog

from aimo import metrics
from aimo.ai.embedder import Embedder, Role, Vectors
from aimo.db.failure_log import FailureLog
from aimo.errors import ProviderError
from aimo.folding import visible
from aimo.services.sync.batcher import Batcher
from aimo.vectors.embedding_caches import EmbeddingCache
from aimo.vectors.hashes import content_hash, text_model_hash

log = structlog.get_logger(__name__)

_REMEMBERED = 2048
# How long a failure is taken for an outage, unless a success shows that it is over.
_OUTAGE_SECONDS = 5.0
# The cache is asked in milliseconds, from a bucket in tenths of a second. Who waits for an answer waits no longer than
# this, and not at all for a while after it was in vain; the background is patient, since embedding again costs.
_CACHE_SECONDS = 0.8
_PATIENT_CACHE_SECONDS = 15.0
# Vectors that wait for their turn to be cached: what comes while a store hangs is not worth more memory than this.
_MOST_UNSAVED = 2048
_CLOSE_SECONDS = 2.0


class EmbeddingService:
    """The embedder behind its cache (docs/contract/source-database.md#embedding-caches).

    Vectors of memos are kept in the cache table for ever. Vectors of queries are looked up there but
    kept in memory only: clients search with every unfinished word.
    """

    def __init__(self, embedder: Embedder, cache: EmbeddingCache) -> None:
        self.embedder = embedder
        self._cache = cache
        # By the hashes of model and text: a text may have megabytes.
        self._memory: OrderedDict[tuple[str, str], Vectors] = OrderedDict()
        self._down_until = 0.0
        self._cache_down_until = 0.0
        self._cache_failures = FailureLog(
            log, "embedding cache read failed", over="the embedding cache can be read again"
        )
        self._saving: set[asyncio.Task[None]] = set()
        self._writer: Batcher[tuple[str, Vectors], None] = Batcher(self._store, limit=256, name="embedding-cache")

    @property
    def is_down(self) -> bool:
        """Whether the embedder has failed just now: who can do without it should not wait for it."""
        return time.monotonic() < self._down_until

    async def close(self) -> None:
        """Write what is still to be cached, then close the embedder."""
        if self._saving:
            await asyncio.wait(self._saving, timeout=_CLOSE_SECONDS)
        await self._writer.close()
        await self.embedder.close()

    async def query(self, text: str, *, seconds: float) -> Vectors:
        """Return the vector of a search.

        Raises:
            ProviderError: the embedder failed or took longer than ``seconds``.
        """
        known = await self._known([text], "query", _CACHE_SECONDS)
        if text in known:
            return known[text]
        try:
            async with asyncio.timeout(seconds):
                vector: Vectors = (await self.embedder.embed([visible(text)], "query"))[0]
        except TimeoutError:
            metrics.PROVIDER_ERRORS.labels("embedding").inc()
            if not self.is_down:
                # Who waits less than usual learns nothing new.
                self._record_availability(_timeout_error(seconds))
            raise _timeout_error(seconds) from None
        except ProviderError as error:
            self._record_availability(error)
            raise
        self._record_availability(None)
        self._remember("query", text, vector)
        return vector

    async def cached(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """Return the vectors of those memo texts that need no embedder."""
        return await self._known(texts, "passage", _PATIENT_CACHE_SECONDS)

    async def fill(
        self, texts: Iterable[str], *, seconds: float, cached_within: float | None = None
    ) -> dict[str, ProviderError]:
        """Embed memo texts and cache their vectors; the reasons of those that failed are returned.

        A text refused by the provider costs no other its vector. Taking longer than ``seconds`` is a failure of all.
        With ``cached_within`` it is waited for no more than these seconds until the vectors are in the cache, where
        other processes find them; this one has them in any case.
        """
        deadline = time.monotonic() + seconds
        wanted = list(dict.fromkeys(texts))
        patience = _CACHE_SECONDS if cached_within is not None else _PATIENT_CACHE_SECONDS
        known = await self._known(wanted, "passage", min(patience, seconds / 2))
        missing = [text for text in wanted if text not in known]
        if not missing:
            return {}
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                outcomes = await self.embedder.embed_each([*map(visible, missing)], "passage")
        except TimeoutError:
            metrics.PROVIDER_ERRORS.labels("embedding").inc()
            self._record_availability(_timeout_error(seconds))
            return dict.fromkeys(missing, _timeout_error(seconds))
        failed: dict[str, ProviderError] = {}
        made: list[tuple[str, Vectors]] = []
        for text, outcome in zip(missing, outcomes, strict=True):
            if isinstance(outcome, ProviderError):
                failed[text] = outcome
            else:
                made.append((text, outcome))
                self._remember("passage", text, outcome)
        outage = next((error for error in failed.values() if error.retryable), None)
        self._record_availability(None if made else outage)
        await self._save(made, cached_within)
        return failed

    async def _save(self, made: Sequence[tuple[str, Vectors]], seconds: float | None) -> None:
        """Have vectors cached, and wait for it, or for some seconds."""
        if len(self._saving) + len(made) > _MOST_UNSAVED:
            log.warning("vectors are not cached: the cache takes none", vectors=len(made))
            return
        saving = {asyncio.create_task(self._writer.submit(item)) for item in made}
        self._saving |= saving
        for task in saving:
            task.add_done_callback(self._saving.discard)
        if saving and (seconds is None or seconds > 0):
            await asyncio.wait(saving, timeout=seconds)

    def _record_availability(self, failure: ProviderError | None) -> None:
        """Learn from the latest call whether the embedder works; a text that it refuses says nothing about that."""
        if failure is None:
            self._down_until = 0.0
        elif failure.retryable:
            self._down_until = time.monotonic() + _OUTAGE_SECONDS

    def _hash(self, role: Role) -> str:
        return text_model_hash(self.embedder.cache_model(role), self.embedder.dimension)

    async def _known(self, texts: Sequence[str], role: Role, seconds: float) -> dict[str, Vectors]:
        """Return the vectors that memory has, or the cache within these seconds."""
        model_hash = self._hash(role)
        keys = {text: (model_hash, content_hash(text)) for text in texts}
        found = {text: self._memory[key] for text, key in keys.items() if key in self._memory}
        missing = [text for text in texts if text not in found]
        in_vain = seconds <= _CACHE_SECONDS and time.monotonic() < self._cache_down_until
        if missing and not in_vain:
            try:
                async with asyncio.timeout(seconds):
                    cached = await self._cache.get_many(model_hash, missing)
            except Exception as error:  # noqa: BLE001 (whatever it is, it must not stop anybody: the embedder knows too)
                self._cache_down_until = time.monotonic() + _OUTAGE_SECONDS
                self._cache_failures.failed(error, texts=len(missing))
                return found
            self._cache_failures.succeeded()
            for text, vector in cached.items():
                self._remember(role, text, vector)
            found |= cached
        return found

    def _remember(self, role: Role, text: str, vector: Vectors) -> None:
        self._memory[self._hash(role), content_hash(text)] = vector
        while len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)

    async def _store(self, items: list[tuple[str, Vectors]]) -> list[None]:
        try:
            await self._cache.put_many(self._hash("passage"), dict(items))
        except Exception:
            log.exception("embedding cache write failed")
        return [None] * len(items)


def _timeout_error(seconds: float) -> ProviderError:
    return ProviderError(f"the embedder did not answer within {seconds:g} s")
