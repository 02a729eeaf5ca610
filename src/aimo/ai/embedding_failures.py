"""How calls for embeddings fail."""

from __future__ import annotations

import random

from aimo.ai import refusals
from aimo.ai.openai_errors import Refusal
from aimo.errors import ProviderError

_CONFLICT = 409


class CallFailed(Exception):
    """A call brought no vectors: what to report, and what the provider answered, if anything."""

    def __init__(self, error: ProviderError, refusal: Refusal | None = None, *, timed_out: bool = False) -> None:
        super().__init__(str(error))
        self.timed_out = timed_out
        self.error = error
        self.refusal = refusal
        self.meaning = refusal.meaning if refusal else ""

    @property
    def is_too_long(self) -> bool:
        """Whether the provider found a text, or all texts together, too long."""
        return self.refusal is not None and refusals.is_too_long(self.meaning, self.refusal.status)

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed a moment later."""
        if self.refusal is None:
            return not self.error.answered
        if self.is_too_long or refusals.is_too_many(self.meaning):
            return False
        return self.refusal.is_transient or self.refusal.status == _CONFLICT

    def pause(self, wait: float) -> float:
        """Return how long to wait before the next attempt: what the provider asks for, else about ``wait`` seconds."""
        asked = self.refusal.retry_after if self.refusal else None
        return asked or wait * random.uniform(0.8, 1.2)


class Outage(Exception):
    """The provider does not even embed a harmless text."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(str(error))
        # No text is at fault, whatever the status says: a wrong key or model may be told by 400.
        self.error = ProviderError(str(error), answered=error.answered)


def no_answer(task: str) -> ProviderError:
    """Return the error of a text that somebody stopped waiting for."""
    return ProviderError(f"{task}: the provider did not answer in time")


def final(error: ProviderError) -> ProviderError:
    """Return an error of the text, and not of the provider, which answers for others."""
    return ProviderError(str(error), retryable=False, answered=True)
