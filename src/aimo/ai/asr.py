"""What every speech recognizer promises: tasks that take a while, and their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aimo.dto.asr import AsrStatus


@dataclass(frozen=True)
class SpeechTask:
    """A task as the provider sees it now.

    ``message`` says why it failed, ``completed_at`` (epoch milliseconds) when it succeeded, and ``results`` are
    the addresses of what was recognized.
    """

    task_id: str
    request_id: str
    status: AsrStatus
    message: str | None = None
    completed_at: int | None = None
    results: Sequence[str] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ("SUCCEEDED", "FAILED")


class SpeechRecognizer(Protocol):
    """Turns recordings into text, in the background."""

    async def submit(self, urls: Sequence[str], language_hints: Sequence[str]) -> SpeechTask:
        """Begin a task for recordings that the provider can fetch.

        Raises:
            ProviderError: the provider refused or could not be reached.
        """

    async def task(self, task_id: str) -> SpeechTask:
        """Return a task begun before.

        Raises:
            ProviderError: as for `submit`, or the task is unknown.
        """

    async def close(self) -> None:
        """Release connections."""
