"""Chat with any OpenAI-compatible provider (docs/contract/providers.md#chat)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import replace

import httpx2
import openai
import structlog

from aimo.ai import refusals
from aimo.ai.chat import Prompt
from aimo.ai.chat_answers import Piece, RefusedInside, read_answer, read_events
from aimo.ai.embedder import well_formed
from aimo.ai.openai_errors import SETTINGS, Origin, Refusal, connection_error, refusal_in, refusal_of
from aimo.ai.thoughts import ThoughtFilter, may_begin_inside, without_thoughts
from aimo.ai.trials import Trials
from aimo.errors import ProviderError
from aimo.outbound import AddressRefusedError

log = structlog.get_logger(__name__)

_TASK = "Chat"
_WAITS = (0.5, 1.5)
_STREAM = "text/event-stream"
_OPTIONAL = frozenset({"temperature", "system"})
# How often a prompt is shortened for a model of few tokens, and what the share of it is that is kept each time.
_SHORTENED = 4
_KEPT = 0.5
_LEFT_OUT = "\n\n[…]\n\n"


class OpenAIChat:
    """Answers from ``POST {base_url}/chat/completions``: one system and one user message.

    What the provider refuses is learnt: parameters and the system message are left out, streams are asked for instead
    of whole answers or the other way round, prompts are shortened, each by the meaning of its refusal. Network errors
    and HTTP 408, 429 and 5xx are tried three times within the time allowed; other refusals and a used up quota fail at
    once. A stream is never repeated once its first piece is there. Thoughts of the model are removed.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        *,
        waits: Sequence[float] = _WAITS,
        origin: Origin = SETTINGS,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        """Create a model.

        Args:
            base_url: the provider's address.
            api_key: the key, which no error shows.
            model: what the provider calls the model.
            waits: pauses in seconds between attempts.
            origin: what errors tell to check.
            http_client: who sends the requests, if not the library's own client.
        """
        self.model = model
        self._origin = origin
        self._key = api_key
        self._waits = tuple(waits)
        self._left_out: frozenset[str] = frozenset()
        self._streams_only = False
        self._never_streams = False
        self._has_worked = False
        self._trials = Trials(frozenset({"temperature"}), frozenset({"system"}), _OPTIONAL)
        # A guess until the first reply is there; meanwhile a stream is held back until a thought ends in it.
        self._begins_inside = may_begin_inside(model)
        self._is_guess = True
        self._client = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key or "none", timeout=60, max_retries=0, http_client=http_client
        )

    @property
    def left_out(self) -> frozenset[str]:
        """What the provider has refused: `temperature`, `system`, `stream`."""
        return self._left_out | (frozenset({"stream"}) if self._never_streams else frozenset())

    async def complete(self, prompt: Prompt, *, seconds: float) -> str:
        """See ``ChatModel.complete``."""
        with self._as_provider_error(prompt):
            async with asyncio.timeout(seconds), self._answer(prompt, stream=False) as pieces:
                found = [piece async for piece in pieces]
        last = _last(found)
        said, lacks_opening = without_thoughts("".join(piece.text for piece in found), complete=not last.is_cut)
        self._know(lacks_opening=lacks_opening, whole=not last.is_cut)
        last.require_said(said)
        return said

    async def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[str, None]:
        """See ``ChatModel.stream``."""
        thoughts = ThoughtFilter(begins_inside=self._begins_inside)
        last, has_said = Piece(""), False
        with self._as_provider_error(prompt):
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(seconds):
                    pieces = await stack.enter_async_context(self._answer(prompt, stream=True))
                while True:
                    async with asyncio.timeout(seconds):
                        piece = await anext(pieces, None)
                    if piece is None:
                        break
                    if piece.thinks_apart and not thoughts.has_begun:
                        thoughts = ThoughtFilter()
                    last = _last([last, piece])
                    if said := thoughts.add(piece.text):
                        has_said = has_said or bool(said.strip())
                        yield said
            said = thoughts.finish(complete=not last.is_cut)
            self._know(lacks_opening=thoughts.lacks_opening, whole=not last.is_cut)
            last.require_said("said" if has_said else said)
            if said:
                yield said

    def _know(self, *, lacks_opening: bool, whole: bool) -> None:
        """Learn from a reply whether this model's replies begin with a thought whose opening tag is missing."""
        if lacks_opening:
            self._begins_inside = True
        elif self._is_guess and whole:
            self._begins_inside = False
        self._is_guess = self._is_guess and not (lacks_opening or whole)

    async def close(self) -> None:
        """See ``ChatModel.close``."""
        await self._client.close()

    @asynccontextmanager
    async def _answer(self, prompt: Prompt, *, stream: bool) -> AsyncIterator[AsyncGenerator[Piece, None]]:
        """Yield the pieces of an answer: of a stream, or all at once, whichever the provider chooses."""
        async with AsyncExitStack() as stack:
            pieces = await self._attempts(stack, prompt, stream=stream)
            yield await stack.enter_async_context(aclosing(pieces))

    async def _attempts(self, stack: AsyncExitStack, prompt: Prompt, *, stream: bool) -> AsyncGenerator[Piece, None]:
        """Return the first answer that is one, with one more attempt after each of the waits."""
        pauses = iter(self._waits)
        shortened = 0
        trial: frozenset[str] = frozenset()
        trials = self._trials.of_one_call()
        unexplained: Refusal | None = None
        while True:
            streamed = (stream or self._streams_only) and not self._never_streams
            refusal: Refusal | None = None
            try:
                pieces = await self._send(stack, prompt, self._left_out | trial, stream=streamed)
            except openai.APIConnectionError as failure:
                wait = next(pauses, None)
                if wait is None:
                    raise failure from None
            except openai.APIStatusError as failure:
                refusal = refusal_of(failure)
            except RefusedInside as failure:
                refusal = failure.refusal
            else:
                self._left_out |= trial
                self._has_worked = True
                return pieces
            if refusal is None:
                await asyncio.sleep((wait or 0) * random.uniform(0.8, 1.2))
                continue
            if self._learn(refusal, prompt, streamed=streamed):
                continue
            if name := self._refused(refusal, self._left_out | trial):
                trial |= {name}
                self._tell(name, refusal, prompt)
                continue
            if self._may_be_a_parameter(refusal) and (tried := next(trials, None)):
                unexplained, trial = unexplained or refusal, tried
                continue
            is_too_long = bool(refusal.meaning) and refusals.is_too_long(refusal.meaning, refusal.status)
            if is_too_long and shortened < _SHORTENED:
                shortened += 1
                prompt = _shortened(prompt)
                continue
            wait = next(pauses, None)
            if wait is None or is_too_long or not refusal.is_transient:
                raise self._error(refusal if is_too_long else unexplained or refusal, prompt)
            await asyncio.sleep(refusal.retry_after or wait * random.uniform(0.8, 1.2))

    async def _send(
        self, stack: AsyncExitStack, prompt: Prompt, left_out: frozenset[str], *, stream: bool
    ) -> AsyncGenerator[Piece, None]:
        """Return the pieces of one answer, which belongs to the stack.

        Raises:
            openai.OpenAIError: there is none.
            RefusedInside: it is an error with HTTP 200.
        """
        system, user = well_formed(prompt.system), well_formed(prompt.user)
        create = self._client.chat.completions.with_streaming_response.create
        response = await stack.enter_async_context(
            create(
                model=self.model,
                temperature=openai.omit if "temperature" in left_out else prompt.temperature,
                stream=stream,
                messages=[{"role": "user", "content": f"{system}\n\n{user}"}]
                if "system" in left_out
                else [{"role": "system", "content": system}, {"role": "user", "content": user}],
            )
        )
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == _STREAM or (stream and not kind.endswith(("json", "html"))):
            return read_events(response.iter_bytes())
        answer = json.loads(await response.read())
        if refusal := refusal_in(answer):
            raise RefusedInside(refusal)
        return _at_once(read_answer(answer))

    def _learn(self, refusal: Refusal, prompt: Prompt, *, streamed: bool) -> bool:
        """Return whether the same prompt may be sent in another way from now on."""
        if not streamed and not self._streams_only and refusals.wants_stream(refusal.meaning):
            self._streams_only = True
            return True
        if not streamed or refusals.refused_parameter(refusal.of_parameters, frozenset({"stream"})) is None:
            return False
        self._never_streams = True
        self._tell("stream", refusal, prompt)
        return True

    def _refused(self, refusal: Refusal, left_out: frozenset[str]) -> str | None:
        """Return the parameter to do without. It is left out for good where that helps."""
        # What calls have worked with is not at fault: a refusal may quote a text that names it.
        sent = frozenset() if self._has_worked else _OPTIONAL - left_out
        return refusals.refused_parameter(refusal.of_parameters, sent)

    def _may_be_a_parameter(self, refusal: Refusal) -> bool:
        """Return whether a parameter may be at fault that the refusal does not name."""
        unnamed = refusals.refuses_something_unnamed(refusal.meaning)
        return not (self._has_worked or self._left_out) and (unnamed or refusal.is_unexplained)

    def _tell(self, name: str, refusal: Refusal, prompt: Prompt) -> None:
        reason = str(self._error(refusal, prompt))
        log.warning("the provider refuses a parameter, it is left out", parameter=name, reason=reason)

    def _error(self, refusal: Refusal, prompt: Prompt) -> ProviderError:
        return refusal.error(_TASK, secrets=[self._key], sent=[prompt.user], origin=self._origin)

    @contextmanager
    def _as_provider_error(self, prompt: Prompt) -> Iterator[None]:
        """Turn whatever a call can fail with into a ``ProviderError`` that holds nobody's text."""
        try:
            yield
        except RefusedInside as failure:
            raise self._error(failure.refusal, prompt) from None
        except (openai.OpenAIError, TimeoutError) as failure:
            raise connection_error(failure, _TASK, self._origin) from None
        except AddressRefusedError as refusal:
            told = f"{_TASK}: {refusal.message}; OUTBOUND_ALLOW names what may be called nevertheless"
            raise ProviderError(told, retryable=False) from None
        except httpx2.HTTPError:
            raise ProviderError(f"{_TASK}: the connection to the provider broke") from None
        except (ValueError, TypeError, AttributeError, RecursionError):
            told = f"{_TASK}: the provider's answer is not a chat completion; check {self._origin.address}"
            raise ProviderError(told, answered=True) from None


async def _at_once(piece: Piece) -> AsyncGenerator[Piece, None]:
    yield piece


def _last(pieces: Sequence[Piece]) -> Piece:
    """Return how an answer ended: its last reason to finish, and whether the model declined."""
    finish = next((piece.finish for piece in reversed(pieces) if piece.finish), "")
    return Piece("", finish, "".join(piece.declined for piece in pieces))


def _shortened(prompt: Prompt) -> Prompt:
    """Return the prompt without the middle of its request: the question stands first, and the task last."""
    half = max(1, int(len(prompt.user) * _KEPT / 2))
    return replace(prompt, user=prompt.user[:half] + _LEFT_OUT + prompt.user[-half:])
