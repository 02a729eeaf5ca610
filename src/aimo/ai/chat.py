"""What every chat model promises: one instruction and one request in, text out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model gets: who it is, and what to do. Never both in one text, so that memos cannot give orders."""

    system: str
    user: str
    temperature: float = 0.3


class ChatModel(Protocol):
    """Answers prompts. What it says is text of unknown worth: nothing in it may decide what the server does."""

    model: str

    async def complete(self, prompt: Prompt, *, seconds: float) -> str:
        """Return the whole answer; empty when the model said nothing. Safe to cancel.

        Args:
            prompt: what to answer.
            seconds: how long that may take in all, repetitions included.

        Raises:
            ProviderError: the model failed or took longer.
        """

    def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[str, None]:
        """Return the answer in pieces as they come; closing or cancelling the iterator ends the generation.

        Args:
            prompt: what to answer.
            seconds: how long the model may be silent before the first piece and between two.

        Raises:
            ProviderError: while iterating, when the model failed or fell silent.
        """

    async def close(self) -> None:
        """Release connections. The model is of no use afterwards."""
