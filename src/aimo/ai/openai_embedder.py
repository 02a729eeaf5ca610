"""Embeddings from any OpenAI-compatible provider (docs/contract/providers.md#embeddings)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import numpy as np
import openai
import structlog

from aimo import metrics
from aimo.ai import beginnings, refusals
from aimo.ai.embedder import Outcome, Role, Vectors, well_formed
from aimo.ai.embedding_answers import read_vectors
from aimo.ai.embedding_failures import CallFailed, Outage, final, no_answer
from aimo.ai.failed_texts import FailedTexts
from aimo.ai.openai_errors import connection_error, refusal_in, refusal_of
from aimo.ai.trials import Trials
from aimo.errors import ProviderError

log = structlog.get_logger(__name__)

_TASK = "Embedding"
_MOST_INPUTS = 2048
# One call takes at most 300,000 tokens, and a Chinese character may cost more than one.
_MOST_CHARACTERS = 150_000
_WAITS = (0.5, 2.0)
# Lengths in tokens at which a text is tried again that the provider fails on without saying that it is too long.
_BLIND_LEVELS = (450.0, 100.0)
_PROBE = "ok"
_OPTIONAL = frozenset({"dimensions", "encoding_format"})


class OpenAIEmbedder:
    """Vectors from ``POST {base_url}/embeddings``, stored as received and never normalised.

    What the provider refuses is learnt: parameters are left out, batches made smaller, texts cut, each by the meaning
    of its refusal. Other refusals and a used up quota fail at once; network errors, time-outs and HTTP 408, 409, 429
    and 5xx are tried again. Every answer is checked: number of vectors, their length, no NaN, infinity or null vector.
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
        self._key = api_key
        self._timeout = timeout
        self._waits = tuple(waits)
        self._most_inputs = _MOST_INPUTS
        self._left_out: frozenset[str] = frozenset()
        self._as_list = True
        self._has_worked = False
        self._trials = Trials(frozenset({"encoding_format"}), frozenset({"dimensions"}), _OPTIONAL)
        self._is_down = False
        self._next_level: float | None = None
        self._failed = FailedTexts()
        # Providers without accounts take any key, the SDK none that is empty.
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key or "none", timeout=timeout, max_retries=0)

    @property
    def left_out(self) -> frozenset[str]:
        """The parameters that the provider has refused."""
        return self._left_out

    def cache_model(self, role: Role) -> str:
        """Return the configured model: these models embed queries and passages alike."""
        return self.model

    async def embed(self, texts: Sequence[str], role: Role) -> Vectors:
        """See ``Embedder.embed``. A blank text is refused before any call."""
        if any(not text.strip() for text in texts):
            raise _blank()
        outcomes = [await self._query(well_formed(texts[0]))] if len(texts) == 1 else await self.embed_each(texts, role)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, ProviderError):
                raise outcome
            vectors[place] = outcome
        return vectors

    async def embed_each(self, texts: Sequence[str], role: Role) -> list[Outcome]:
        """See ``Embedder.embed_each``. Texts too long for the model are represented by their beginning.

        During an outage the first batch finds out; the remaining texts get its error unasked. A text that the provider
        fails on while it embeds others is not asked for again for a minute, then two, then four.
        """
        asked: dict[int, str] = {}
        outcomes: dict[int, Outcome] = {}
        for place, text in enumerate(map(well_formed, texts)):
            if not text.strip():
                outcomes[place] = _blank()
            elif known := self._failed.reason_not_to_ask(text):
                outcomes[place] = known
            else:
                asked[place] = text
        try:
            if asked and self._is_down:
                await self._call([_PROBE], ())
            while waiting := {place: text for place, text in asked.items() if place not in outcomes}:
                await self._batch(self._first_batch(waiting), outcomes, self._waits[:1])
        except (Outage, CallFailed) as outage:
            self._is_down = True
            for place in asked:
                outcomes.setdefault(place, outage.error)
        except asyncio.CancelledError:
            # Who took too long is asked for something harmless first.
            self._is_down = True
            raise
        return [outcomes[place] for place in range(len(texts))]

    async def warm_up(self) -> None:
        """Nothing: the provider is far away and warm."""

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._client.close()

    def _first_batch(self, texts: dict[int, str]) -> dict[int, str]:
        batch: dict[int, str] = {}
        size = 0
        for place, text in texts.items():
            size += len(text)
            if batch and (len(batch) >= self._most_inputs or size > _MOST_CHARACTERS):
                break
            if not self._failed.knows(text):
                batch[place] = text
        # One that failed before would fail the others, too: it comes last, and alone.
        return batch or dict([min(texts.items(), key=lambda item: self._failed.asks(item[1]))])

    async def _batch(self, batch: dict[int, str], outcomes: dict[int, Outcome], waits: Sequence[float]) -> None:
        """Add the outcome of every text of a batch, dividing one that is refused.

        Raises:
            Outage: the provider refuses even a harmless text; outcomes so far are added.
        """
        if len(batch) == 1:
            ((place, text),) = batch.items()
            outcomes[place] = await self._memo(text, waits)
            return
        try:
            outcomes.update(zip(batch, await self._together(list(batch.values()), waits), strict=True))
        except CallFailed as failure:
            cause = failure
        else:
            return
        if refusals.is_too_many(cause.meaning):
            size = self._most_inputs = min(self._most_inputs, refusals.most_texts(cause.meaning, len(batch)))
            parts = _parts(batch, size)
        elif cause.is_too_long:
            # Likely the long ones are too long, and the short ones are not.
            by_length = dict(sorted(batch.items(), key=lambda item: beginnings.tokens(item[1])))
            parts = _parts(by_length, math.ceil(len(batch) / 2))
        else:
            if not await self._is_up():
                raise Outage(cause.error)
            for text in batch.values():
                self._failed.add(text, final(cause.error), times=1 + len(waits) * cause.is_transient)
            # In two steps to the text at fault, which is asked for often enough.
            parts = _parts(batch, max(1, math.isqrt(len(batch))))
        for part in parts:
            await self._batch(part, outcomes, ())
        if not any(isinstance(outcomes[place], ProviderError) for place in batch):
            for text in batch.values():
                self._failed.forget(text)
            if not cause.is_too_long:
                # No text was at fault, so the batch was too large for this provider.
                self._most_inputs = min(self._most_inputs, len(parts[0]))

    async def _together(self, texts: list[str], waits: Sequence[float]) -> Vectors:
        try:
            vectors = await self._call(texts, waits)
        except asyncio.CancelledError:
            for text in texts:
                self._failed.add(text, final(no_answer(_TASK)), times=1 + len(waits))
            raise
        for text in texts:
            self._failed.forget(text)
        return vectors

    async def _memo(self, text: str, waits: Sequence[float]) -> Outcome:
        """Return the vector of one text of a memo, of its beginning, or why it has none.

        Raises:
            Outage: the provider refuses even a harmless text.
        """
        if known := self._failed.reason_not_to_ask(text):
            return known
        try:
            vector = await self._ask(text, text, () if self._failed.knows(text) else waits)
        except CallFailed as failure:
            cause = failure
        else:
            return vector
        if cause.is_too_long:
            return await self._beginning(text, cause)
        if not await self._is_up():
            raise Outage(cause.error)
        size = beginnings.tokens(text)
        if cause.refusal is None or refusals.may_mean_anything(cause.refusal.status):
            for level in _BLIND_LEVELS:
                if level < size and not self._failed.reason_not_to_ask(text):
                    try:
                        return await self._cut(text, level)
                    except CallFailed as failure:
                        cause = failure
        return self._give_up(text, cause.error)

    async def _query(self, text: str) -> Outcome:
        """Return the vector of a query, or of its beginning. Users wait for it, so an outage is not looked into."""
        if known := self._failed.reason_not_to_ask(text):
            return known
        for wait in (*self._waits, None):
            try:
                vector: Vectors = (await self._call([text], ()))[0]
            except CallFailed as failure:
                cause = failure
            except asyncio.CancelledError:
                self._failed.add(text, no_answer(_TASK))
                raise
            else:
                self._failed.forget(text)
                return vector
            if cause.is_too_long:
                return await self._beginning(text, cause)
            if cause.timed_out or not cause.error.retryable:
                self._failed.add(text, cause.error)
            if wait is None or not cause.is_transient or self._failed.reason_not_to_ask(text):
                return cause.error
            await asyncio.sleep(cause.pause(wait))
        raise AssertionError("unreachable: the last attempt returns")

    async def _beginning(self, text: str, refusal: CallFailed) -> Outcome:
        """Return the vector of the longest beginning that the model takes, of those tried."""
        if known := self._failed.reason_not_to_ask(text):
            return known
        cause = refusal
        limit = refusals.token_limit(refusal.meaning)
        for level in beginnings.levels(beginnings.tokens(text), limit, self._next_level):
            try:
                vector = await self._cut(text, level)
            except CallFailed as failure:
                cause = failure
                if not failure.is_too_long:
                    break
                continue
            self._next_level = min((higher for higher in beginnings.LEVELS if higher > level), default=None)
            return vector
        return cause.error if cause.error.retryable and not cause.is_too_long else self._give_up(text, cause.error)

    async def _cut(self, text: str, level: float) -> Vectors:
        """Return the vector of a beginning, and count it."""
        vector = await self._ask(text, beginnings.beginning(text.lstrip(), level), ())
        metrics.TRUNCATED.inc()
        return vector

    async def _ask(self, text: str, sent: str, waits: Sequence[float]) -> Vectors:
        """Return one vector; every failure is remembered with the text that it stands for."""
        for wait in (*waits, None):
            try:
                vector: Vectors = (await self._call([sent], ()))[0]
            except CallFailed as failure:
                cause = failure
            except asyncio.CancelledError:
                self._failed.add(text, final(no_answer(_TASK)))
                raise
            else:
                self._failed.forget(text)
                return vector
            if cause.is_too_long:
                raise cause
            self._failed.add(text, final(cause.error))
            if wait is None or not cause.is_transient or self._failed.reason_not_to_ask(text):
                raise cause
            await asyncio.sleep(cause.pause(wait))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _give_up(self, text: str, error: ProviderError) -> ProviderError:
        told = final(error)
        self._failed.give_up(text, told)
        return told

    async def _is_up(self) -> bool:
        try:
            await self._call([_PROBE], ())
        except CallFailed:
            return False
        return True

    async def _call(self, batch: list[str], waits: Sequence[float]) -> Vectors:
        """Return one batch's vectors, with one more attempt after each of ``waits`` (seconds).

        Raises:
            CallFailed: there are none.
        """
        pauses = iter(waits)
        trial: frozenset[str] = frozenset()
        trials = self._trials.of_one_call()
        unexplained: CallFailed | None = None
        while True:
            try:
                vectors = await self._attempt(batch, self._left_out | trial)
            except CallFailed as failure:
                cause = failure
            else:
                self._left_out |= trial
                self._has_worked, self._is_down = True, False
                return vectors
            if self._learn(cause, len(batch)):
                continue
            if refused := self._refused_parameter(cause, trial):
                trial |= {refused}
                continue
            if self._may_be_a_parameter(cause) and (tried := next(trials, None)):
                unexplained, trial = unexplained or cause, tried
                continue
            wait = next(pauses, None)
            if wait is None or not cause.is_transient:
                raise cause if cause.is_too_long else unexplained or cause
            await asyncio.sleep(cause.pause(wait))

    async def _attempt(self, batch: list[str], left_out: frozenset[str]) -> Vectors:
        optional = {"dimensions": self.dimension, "encoding_format": "float"}
        body: dict[str, object] = {
            "model": self.model,
            "input": batch if self._as_list or len(batch) > 1 else batch[0],
            **{name: value for name, value in optional.items() if name not in left_out},
        }
        try:
            async with asyncio.timeout(self._timeout):
                # Not `embeddings.create`, which asks for base64 as soon as no format is named.
                answer = await self._client.post("/embeddings", cast_to=object, body=body)
            refusal = refusal_in(answer)
            if refusal is None:
                return read_vectors(answer, len(batch), self.dimension)
        except (openai.OpenAIError, TimeoutError) as failure:
            refusal = refusal_of(failure)
            if refusal is None:
                timed_out = isinstance(failure, TimeoutError | openai.APITimeoutError)
                raise CallFailed(connection_error(failure, _TASK), timed_out=timed_out) from None
        except ProviderError as error:
            metrics.PROVIDER_ERRORS.labels(_TASK.lower()).inc()
            raise CallFailed(error) from None
        except (ValueError, RecursionError):
            told = f"{_TASK}: the provider's answer is not a list of embeddings but no JSON; check OPENAI_BASE_URL"
            raise CallFailed(ProviderError(told, answered=True)) from None
        raise CallFailed(refusal.error(_TASK, secrets=[self._key], sent=batch), refusal) from None

    def _learn(self, cause: CallFailed, count: int) -> bool:
        """Return whether the same texts may be sent in another way from now on."""
        if count == 1 and self._as_list and refusals.is_single_only(cause.meaning):
            self._as_list = False
            return True
        return False

    def _refused_parameter(self, cause: CallFailed, left_out: frozenset[str]) -> str | None:
        """Return the parameter to do without; none once calls with it have worked, whatever a refusal says.

        It is left out for good where that helps: a refusal may quote a text that names it.
        """
        if self._has_worked:
            return None
        words = cause.refusal.of_parameters if cause.refusal else ""
        name = refusals.refused_parameter(words, _OPTIONAL - self._left_out - left_out)
        if name is not None:
            log.warning("the provider refuses a parameter, it is left out", parameter=name, reason=str(cause.error))
        return name

    def _may_be_a_parameter(self, cause: CallFailed) -> bool:
        """Return whether a parameter may be at fault that the refusal does not name."""
        if self._has_worked or cause.refusal is None or self._left_out:
            return False
        is_other = refusals.is_too_many(cause.meaning) or cause.is_too_long
        unnamed = refusals.refuses_something_unnamed(cause.meaning) and not is_other
        return unnamed or cause.refusal.is_unexplained


def _parts(batch: dict[int, str], size: int) -> list[dict[int, str]]:
    items = list(batch.items())
    return [dict(items[start : start + size]) for start in range(0, len(items), size)]


def _blank() -> ProviderError:
    return ProviderError(f"{_TASK}: a blank text has no meaning", retryable=False)
