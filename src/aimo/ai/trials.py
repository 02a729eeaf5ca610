"""Leaving parameters out for a trial, where a refusal does not say which of them is wrong."""

from __future__ import annotations

from collections.abc import Iterator

_MOST_CALLS = 5


class Trials:
    """What to leave out, one set after the other, in the first few refused calls of a process."""

    def __init__(self, *sets: frozenset[str]) -> None:
        self._sets = sets
        self._calls = 0

    def of_one_call(self) -> Iterator[frozenset[str]]:
        """Yield what to leave out; nothing once five calls were tried so in vain."""
        if self._calls < _MOST_CALLS:
            self._calls += 1
            yield from self._sets
