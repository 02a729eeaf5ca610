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
    in_a_row: int = 0
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

    def asks(self, text: str) -> int:
        """Return how often this text was asked for within a minute, and failed."""
        known = self._texts.get(content_hash(text)) if self._texts else None
        return len(self._recent(known)) if known else 0

    def add(self, text: str, error: ProviderError, *, times: int = 1) -> None:
        """Remember that the provider was asked for this text, perhaps several times, and failed.

        A text that fails five times in a row, or again, is given up, unless its error may be of the moment.
        """
        key = content_hash(text)
        known = self._texts.setdefault(key, _Failed(error))
        self._texts.move_to_end(key)
        known.error = error
        known.asked = [*self._recent(known), *[self._now()] * times]
        known.in_a_row += times
        if not error.retryable and (known.rounds or known.in_a_row >= MOST_ASKS):
            self.give_up(text, error)
        while len(self._texts) > _REMEMBERED:
            self._texts.popitem(last=False)

    def give_up(self, text: str, error: ProviderError) -> None:
        """Ask for this text no more for a minute, then two, then four, at last an hour."""
        known = self._texts.setdefault(content_hash(text), _Failed(error))
        known.error = error
        if known.not_before > self._now():
            return
        known.in_a_row = 0
        known.rounds += 1
        known.not_before = self._now() + min(_MINUTE * 2 ** min(known.rounds - 1, 10), _LONGEST_PAUSE)

    def forget(self, text: str) -> None:
        """Forget a text that was embedded."""
        if self._texts:
            self._texts.pop(content_hash(text), None)

    def _recent(self, known: _Failed) -> list[float]:
        return [moment for moment in known.asked if moment > self._now() - _MINUTE]
