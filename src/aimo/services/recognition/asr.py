"""Speech recognition (docs/contract/speech.md)."""

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
from aimo.inert_text import inert, inert_inside
from aimo.outbound import OutboundClient, OutboundError
from aimo.services.accounts.provider_allowances import Allowance
from aimo.services.recognition.speech_task_owners import TaskOwners

log = structlog.get_logger(__name__)

_MOST_FILES = 100
# Signed addresses are long, but not longer.
_LONGEST_URL = 8192
_MOST_HINTS = 20
_LONGEST_HINT = 32
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
        outbound: OutboundClient,
        owners: TaskOwners,
        allowance: Allowance,
        *,
        poll_seconds: float = _POLL_SECONDS,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        """``recognizer`` is None when none is configured; ``outbound`` also fetches results.

        ``allowance`` counts recordings.
        """
        self._recognizer = recognizer
        self._outbound = outbound
        self._owners = owners
        self._allowance = allowance
        self._poll_seconds = poll_seconds
        self._wait_seconds = wait_seconds

    async def submit(self, uid: str, urls: object, language_hints: Sequence[str]) -> SpeechTask:
        """Begin a task of the user for at most 100 recordings.

        PARAMS_ERROR without any, for private addresses and what is too long; LimitReached when the user had too many
        recordings recognized; SYSTEM_ERROR with the reason otherwise.
        """
        if not isinstance(urls, list) or not urls:
            raise AimoError(Code.PARAMS_ERROR, "At least one file URL is required")
        recognizer = self._required()
        if len(urls) > _MOST_FILES:
            raise _failed(f"At most {_MOST_FILES} file URLs are supported per request")
        if len(language_hints) > _MOST_HINTS or any(len(hint) > _LONGEST_HINT for hint in language_hints):
            raise AimoError(Code.PARAMS_ERROR, f"At most {_MOST_HINTS} short language hints are supported per request")
        for url in urls:
            await self._check(url)
        await self._allowance.spend(uid, len(urls))
        try:
            task = await recognizer.submit(urls, language_hints)
        except ProviderError as error:
            raise _failed(str(error)) from error
        await self._owners.remember(uid, task.task_id)
        return task

    async def task(self, uid: str, task_id: str) -> SpeechTask:
        """Return a task of the user as it is now.

        SYSTEM_ERROR with the reason when the provider does not tell; one that the user did not begin is unknown.
        """
        recognizer = self._required()
        await self._require_own(uid, task_id)
        return await self._task(recognizer, task_id)

    async def wait(self, uid: str, task_id: str) -> SpeechTask:
        """As :meth:`task`, once it has ended; SYSTEM_ERROR when that takes longer than five minutes."""
        recognizer = self._required()
        await self._require_own(uid, task_id)
        try:
            async with asyncio.timeout(self._wait_seconds):
                while True:
                    task = await self._task(recognizer, task_id)
                    if task.ended:
                        return task
                    await asyncio.sleep(self._poll_seconds)
        except TimeoutError:
            raise _failed(f"Transcription timeout after {self._wait_seconds * 1000:.0f}ms") from None

    async def results(self, task: SpeechTask) -> list[object]:
        """Return what was recognized, as the provider words it but inert; parts that cannot be fetched are left out."""
        if task.status != "SUCCEEDED":
            return []
        found = await asyncio.gather(*(self._fetch(url) for url in task.results))
        return [inert_inside(result) for result in found if result is not None]

    async def _task(self, recognizer: SpeechRecognizer, task_id: str) -> SpeechTask:
        try:
            task = await recognizer.task(task_id)
        except ProviderError as error:
            raise _failed(str(error)) from error
        return replace(task, message=inert(task.message) if task.message else None)

    async def _require_own(self, uid: str, task_id: str) -> None:
        if not await self._owners.owns(uid, task_id):
            raise _failed("ASR API error: 404 Not Found - the task is unknown")

    def _required(self) -> SpeechRecognizer:
        if self._recognizer is None:
            raise _failed("ASR service is not configured")
        return self._recognizer

    async def _check(self, url: Any) -> None:
        if isinstance(url, str) and len(url) > _LONGEST_URL:
            raise AimoError(Code.PARAMS_ERROR, f"A file URL may have at most {_LONGEST_URL} characters")
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
            log.warning("transcription fetch failed", reason=str(error))
            return None


def _scheme(url: str) -> str | None:
    """Return the scheme of a URL with its colon; None for what is no URL."""
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
