"""Remembering texts that a provider fails on, so that it is asked for each of them ever more rarely."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from aimo.errors import ProviderError
from aimo.vectors.hashes import content_hash

MOST_ASKS = 5
"""How often a text that cannot be embedded is asked for in a minute."""

_MINUTE = 60.0
_LONGEST_PAUSE = 3600.0
_REMEMBERED = 4096


@dataclass
class _Failed:
    error: ProviderError
    asked: list[float] = field(default_factory=list)
    rounds: int = 0
    not_before: float = 0.0


class FailedTexts:
    """Texts that failed, by their hashes, the least recent ones forgotten first."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` returns seconds that never go back."""
        self._now = now
        self._texts: OrderedDict[str, _Failed] = OrderedDict()

    def reason_not_to_ask(self, text: str) -> ProviderError | None:
        """Return why this text failed if it is too early to ask for it again; None when it may be asked for."""
        if not self._texts:
            return None
        known = self._texts.get(content_hash(text))
        if known is None or (self._now() >= known.not_before and len(self._recent(known)) < MOST_ASKS):
            return None
        return known.error

    def knows(self, text: str) -> bool:
        """Return whether this text has failed before."""
        return bool(self._texts) and content_hash(text) in self._texts

    def add(self, text: str, error: ProviderError, *, times: int = 1) -> None:
        """Remember that the provider was asked for this text, perhaps several times, and failed."""
        key = content_hash(text)
        known = self._texts.setdefault(key, _Failed(error))
        self._texts.move_to_end(key)
        known.error = error
        known.asked = [*self._recent(known), *[self._now()] * times]
        while len(self._texts) > _REMEMBERED:
            self._texts.popitem(last=False)

    def give_up(self, text: str, error: ProviderError) -> None:
        """Ask for this text no more for a minute, then two, then four, at last an hour."""
        known = self._texts.setdefault(content_hash(text), _Failed(error))
        known.error = error
        known.rounds += 1
        known.not_before = self._now() + min(_MINUTE * 2 ** min(known.rounds - 1, 10), _LONGEST_PAUSE)

    def forget(self, text: str) -> None:
        """Forget a text that was embedded."""
        if self._texts:
            self._texts.pop(content_hash(text), None)

    def _recent(self, known: _Failed) -> list[float]:
        return [moment for moment in known.asked if moment > self._now() - _MINUTE]
