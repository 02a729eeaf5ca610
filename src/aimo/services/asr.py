"""Speech recognition (contract 16)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import structlog

from aimo.ai.asr import SpeechRecognizer, SpeechTask
from aimo.errors import AimoError, Code, ProviderError
from aimo.inert import inert, inert_inside
from aimo.outbound import Outbound, OutboundError

log = structlog.get_logger(__name__)

_MOST_FILES = 100
_POLL_SECONDS = 2.0
_WAIT_SECONDS = 300.0
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# Those whose URLs always name a host (URL Standard, "special schemes").
_WITH_HOST = ("http:", "https:", "ftp:", "ws:", "wss:")


class AsrService:
    """Has recordings recognized, and fetches what was recognized."""

    def __init__(
        self,
        recognizer: SpeechRecognizer | None,
        outbound: Outbound,
        *,
        poll_seconds: float = _POLL_SECONDS,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        """``recognizer`` is None when none is configured; ``outbound`` also fetches results."""
        self._recognizer = recognizer
        self._outbound = outbound
        self._poll_seconds = poll_seconds
        self._wait_seconds = wait_seconds

    async def submit(self, urls: Any, language_hints: Sequence[str]) -> SpeechTask:
        """Begin a task for at most 100 recordings.

        PARAMS_ERROR without any or for private addresses; SYSTEM_ERROR with the reason otherwise.
        """
        if not isinstance(urls, list) or not urls:
            raise AimoError(Code.PARAMS_ERROR, "At least one file URL is required")
        recognizer = self._required()
        if len(urls) > _MOST_FILES:
            raise _failed(f"At most {_MOST_FILES} file URLs are supported per request")
        for url in urls:
            await self._check(url)
        try:
            return await recognizer.submit(urls, language_hints)
        except ProviderError as error:
            raise _failed(str(error)) from error

    async def task(self, task_id: str) -> SpeechTask:
        """A task as it is now; SYSTEM_ERROR with the reason when the provider does not tell."""
        try:
            task = await self._required().task(task_id)
            return replace(task, message=inert(task.message) if task.message else None)
        except ProviderError as error:
            raise _failed(str(error)) from error

    async def wait(self, task_id: str) -> SpeechTask:
        """A task once it has ended; SYSTEM_ERROR when that takes longer than five minutes."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                while True:
                    task = await self.task(task_id)
                    if task.ended:
                        return task
                    await asyncio.sleep(self._poll_seconds)
        except TimeoutError:
            raise _failed(f"Transcription timeout after {self._wait_seconds * 1000:.0f}ms") from None

    async def results(self, task: SpeechTask) -> list[Any]:
        """What was recognized, as the provider words it but inert; parts that cannot be fetched are left out."""
        if task.status != "SUCCEEDED":
            return []
        found = await asyncio.gather(*(self._fetch(url) for url in task.results))
        return [inert_inside(result) for result in found if result is not None]

    def _required(self) -> SpeechRecognizer:
        if self._recognizer is None:
            raise _failed("ASR service is not configured")
        return self._recognizer

    async def _check(self, url: Any) -> None:
        scheme = _scheme(url.strip()) if isinstance(url, str) else None
        if scheme is None:
            raise _failed(f"Invalid file URL: {url if isinstance(url, str) else msgspec.json.encode(url).decode()}")
        if scheme not in ("http:", "https:", "oss:"):
            raise _failed(f'Unsupported file URL protocol "{scheme}". Only HTTP/HTTPS or OSS URLs are allowed.')
        if scheme != "oss:":
            await self._outbound.check(url.strip(), resolvable=False)

    async def _fetch(self, url: str) -> Any:
        try:
            answer = await self._outbound.request("GET", url)
            if not 200 <= answer.status < 300:
                raise ProviderError(f"HTTP {answer.status}")
            return msgspec.json.decode(answer.body)
        except (AimoError, OutboundError, ProviderError, msgspec.DecodeError, RecursionError) as error:
            log.warning("a transcription could not be fetched", reason=str(error))
            return None


def _scheme(url: str) -> str | None:
    """The scheme of a URL with its colon; None for what is no URL."""
    found = _SCHEME.match(url)
    if found is None:
        return None
    scheme = found[0].lower()
    if scheme in _WITH_HOST:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, UnicodeError):
            return None
        # Escapes in a host stand for what cannot be in one.
        if not parsed.host or "%" in parsed.host or (parsed.port or 0) > 65535:
            return None
    return scheme


def _failed(reason: str) -> AimoError:
    return AimoError(Code.SYSTEM_ERROR, inert(reason))
