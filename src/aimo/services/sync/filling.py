"""Having vectors made in the background, one kind of mark apart from the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aimo.errors import ProviderError

Embed = Callable[[Sequence[str], float], Awaitable[dict[str, ProviderError]]]


@dataclass
class Filling:
    """Who makes the vectors of one kind of mark, and how that is going.

    ``embed`` gets ids and seconds, and returns why some have no vector. It may take ``seconds`` and
    ``seconds_each`` for each of at most ``most`` ids. ``outage`` says that the provider failed last time.
    """

    embed: Embed
    seconds: float
    seconds_each: float
    most: int
    task: asyncio.Task[None] | None = None
    outage: bool = False

    @property
    def busy(self) -> bool:
        """Whether vectors are being made right now."""
        return self.task is not None and not self.task.done()
