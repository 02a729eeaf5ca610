"""Speech recognition by DashScope's Fun-ASR (docs/contract/providers.md#speech-tasks)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aimo import clock
from aimo.ai.asr import SpeechTask
from aimo.ai.json_client import JsonClient, Reply
from aimo.dto.asr import AsrStatus
from aimo.errors import ProviderError

_SECONDS = 30.0
_SHOWN = 1000


class FunAsr:
    """Tasks under ``{base_url}/services/audio/asr/transcription`` and ``{base_url}/tasks``."""

    def __init__(self, base_url: str, api_key: str, model: str, zone: ZoneInfo, *, seconds: float = _SECONDS) -> None:
        """``zone`` is that of the provider's times, which name none."""
        self._model = model
        self._zone = zone
        self._calls = JsonClient(base_url, api_key, seconds=seconds)

    async def submit(self, urls: Sequence[str], language_hints: Sequence[str]) -> SpeechTask:
        """See ``SpeechRecognizer.submit``."""
        body: dict[str, object] = {"model": self._model, "input": {"file_urls": list(urls)}}
        if language_hints:
            body["parameters"] = {"language_hints": list(language_hints)}
        headers = {"X-DashScope-Async": "enable"}
        return self._read(await self._calls.post("/services/audio/asr/transcription", body, headers), "")

    async def task(self, task_id: str) -> SpeechTask:
        """See ``SpeechRecognizer.task``."""
        return self._read(await self._calls.get(f"/tasks/{quote(task_id, safe='')}"), task_id)

    async def close(self) -> None:
        """See ``SpeechRecognizer.close``."""
        await self._calls.close()

    def _read(self, reply: Reply, task_id: str) -> SpeechTask:
        if not reply.ok:
            raise ProviderError(f"ASR API error: {reply.status} {reply.reason} - {reply.text[:_SHOWN]}")
        found = reply.json
        if found.get("code"):
            raise ProviderError(f"ASR API error: {found['code']} - {found.get('message', '')}")
        output = found.get("output")
        output = output if isinstance(output, dict) else {}
        parts = output.get("results")
        parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        status = _status(output.get("task_status"))
        return SpeechTask(
            task_id=str(output.get("task_id") or task_id),
            request_id=str(found.get("request_id") or ""),
            status=status,
            message=_failure(found, parts) if status == "FAILED" else None,
            completed_at=self._moment(output.get("end_time")) if status == "SUCCEEDED" else None,
            results=[str(part["transcription_url"]) for part in parts if _has_result(part)],
        )

    def _moment(self, text: Any) -> int | None:
        try:
            local = datetime.fromisoformat(text)
            aware = local if local.tzinfo else local.replace(tzinfo=self._zone)
            return clock.to_ms(aware.astimezone(UTC).replace(tzinfo=None))
        except (TypeError, ValueError, OverflowError):
            return None


def _status(value: Any) -> AsrStatus:
    """Return the provider's status; whatever is neither known nor under way has failed."""
    if value is None:
        return "PENDING"
    return cast(AsrStatus, value) if value in ("PENDING", "RUNNING", "SUCCEEDED") else "FAILED"


def _has_result(part: dict[str, Any]) -> bool:
    return part.get("subtask_status") == "SUCCEEDED" and isinstance(part.get("transcription_url"), str)


def _failure(found: dict[str, object], parts: list[dict[str, object]]) -> str:
    if found.get("message"):
        return str(found["message"])
    for part in parts:
        if part.get("subtask_status") == "FAILED":
            return f"{part.get('code') or 'SubtaskFailed'} - {part.get('message', '')}"
    return "Transcription failed"
