"""Chat with any OpenAI-compatible provider (docs/contract/providers.md#chat)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import httpx
import openai

from aimo.ai.chat import Prompt
from aimo.ai.embedder import well_formed
from aimo.ai.openai_errors import is_transient, provider_error, retry_after
from aimo.errors import ProviderError

_TASK = "Chat"
_WAITS = (0.5, 1.5)
# The SDK reads such an answer as a stream without events.
_NO_STREAM = ("application/json", "text/html")


class OpenAIChat:
    """Answers from ``POST {base_url}/chat/completions``: always one system and one user message.

    Network errors and HTTP 408, 429 and 5xx are tried three times within the time allowed; other statuses and a used up
    quota fail at once. A stream is never repeated once its first piece is there.
    """

    def __init__(self, base_url: str, api_key: str, model: str, *, waits: Sequence[float] = _WAITS) -> None:
        """Create a model; ``waits`` are the pauses in seconds between attempts."""
        self.model = model
        self._waits = tuple(waits)
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=api_key or "none", timeout=60, max_retries=0)

    async def complete(self, prompt: Prompt, *, seconds: float) -> str:
        """See ``ChatModel.complete``."""
        with _as_provider_error():
            async with asyncio.timeout(seconds):
                return _content(await self._attempt(prompt, stream=False))

    async def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[str, None]:
        """See ``ChatModel.stream``."""
        with _as_provider_error():
            async with asyncio.timeout(seconds):
                chunks = await self._attempt(prompt, stream=True)
            async with chunks, aclosing(_pieces(chunks)) as pieces:
                if chunks.response.headers.get("content-type", "").startswith(_NO_STREAM):
                    raise ProviderError(f"{_TASK}: the provider's answer is not a stream")
                while True:
                    async with asyncio.timeout(seconds):
                        piece = await anext(pieces, None)
                    if piece is None:
                        return
                    yield piece

    async def close(self) -> None:
        """See ``ChatModel.close``."""
        await self._client.close()

    async def _attempt(self, prompt: Prompt, *, stream: bool) -> Any:
        """Return the provider's answer, with one more attempt after each of the waits."""
        for wait in (*self._waits, None):
            try:
                return await self._client.chat.completions.create(
                    model=self.model,
                    temperature=prompt.temperature,
                    stream=stream,
                    messages=[
                        {"role": "system", "content": well_formed(prompt.system)},
                        {"role": "user", "content": well_formed(prompt.user)},
                    ],
                )
            except openai.OpenAIError as failure:
                if wait is None or not is_transient(failure, conflict=False):
                    raise
                pause = retry_after(failure) or wait * random.uniform(0.8, 1.2)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")


@contextmanager
def _as_provider_error() -> Iterator[None]:
    """Turn whatever a call can fail with into a ``ProviderError`` that holds nobody's text."""
    try:
        yield
    except (openai.OpenAIError, TimeoutError) as failure:
        raise provider_error(failure, _TASK) from None
    except httpx.HTTPError:
        raise ProviderError(f"{_TASK}: the connection to the provider broke") from None
    except (ValueError, TypeError, AttributeError):
        # The SDK does not validate answers: what is not JSON, or not a completion, ends here.
        raise ProviderError(f"{_TASK}: the provider's answer is not a chat completion") from None


def _content(answer: Any) -> str:
    """Return the text of a whole answer; empty where there is none.

    Raises:
        ProviderError: it is no answer at all.
    """
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list):
        raise ProviderError(f"{_TASK}: the provider's answer is not a chat completion")
    content = getattr(getattr(choices[0], "message", None), "content", None) if choices else None
    return well_formed(content) if isinstance(content, str) else ""


async def _pieces(chunks: Any) -> AsyncGenerator[str, None]:
    async for chunk in chunks:
        choices = getattr(chunk, "choices", None)
        content = getattr(getattr(choices[0], "delta", None), "content", None) if choices else None
        if isinstance(content, str) and content:
            yield well_formed(content)
