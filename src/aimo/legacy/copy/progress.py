"""How far a run has come: numbers for whoever shows them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aimo.legacy.memory_limits import give_back


@dataclass
class StageProgress:
    """One table on its way. ``done`` counts rows, those of earlier attempts included."""

    name: str
    total: int
    done: int = 0
    already: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def speed(self) -> float:
        """Rows a second of this attempt."""
        return (self.done - self.already) / max(time.monotonic() - self.started, 1e-6)

    @property
    def seconds_left(self) -> float:
        """An estimate from the speed until now."""
        return (self.total - self.done) / self.speed if self.speed else 0.0

    def __str__(self) -> str:
        return (
            f"{self.name} {self.done:,}/{self.total:,}, {self.speed:,.0f} rows/s, "
            f"{max(0, round(self.seconds_left)):,} s left"
        )


class Progress:
    """Tells a watcher about stages as they advance."""

    def __init__(self, watch: Callable[[StageProgress], None] = lambda stage: None) -> None:
        self._watch = watch
        self._stage = StageProgress("", 0)

    def begin(self, name: str, total: int, done: int = 0) -> None:
        """Start a stage, with so many rows done by an earlier attempt."""
        give_back()
        self._stage = StageProgress(name, total, done, done)
        self._watch(self._stage)

    def advance(self, done: int) -> None:
        """Note that the stage has come to this row."""
        self._stage.done = done
        self._watch(self._stage)
