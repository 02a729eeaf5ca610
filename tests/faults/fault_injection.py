"""Makes one call to a store fail: the tests wrap what the runtime has opened, the product knows nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from aimo.ai.local_embedder import LocalEmbedder
from aimo.db import driver_reads as reading
from aimo.errors import ProviderError
from aimo.storage.local import LocalStorage
from aimo.storage.protocol import StorageError
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.table import LanceTable

Place = Literal["database", "lancedb", "storage", "embedder"]

# Tasks that ask the database now and then, whatever is done: counted, they would make each run another one.
_BY_THE_WAY = ("sync-worker", "lease-", "figures", "lancedb-upkeep", "pool-reaper")

LOST = OperationalError("a statement", None, Exception("made to fail"))


class FaultInjector:
    """Counts calls while armed for one place; the nth fails, before it has done its work or after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._place: Place | None = None
        self._left = 0
        self._afterwards = False
        self.fired = False
        self._wrap_reading(monkeypatch)
        self._wrap(monkeypatch, LanceTable, ("write", "read"), "lancedb", VectorStoreError)
        self._wrap(monkeypatch, LocalStorage, ("put", "open", "delete", "exists"), "storage", StorageError)
        self._wrap(monkeypatch, LocalEmbedder, ("embed", "embed_each"), "embedder", ProviderError)

    @contextmanager
    def nth(self, place: Place, number: int, *, afterwards: bool = False) -> Iterator[None]:
        """Within, the nth call to this place fails; `fired` tells whether there was one."""
        self._place, self._left, self._afterwards, self.fired = place, number, afterwards, False
        try:
            yield
        finally:
            self._place = None

    def _reached(self, place: Place) -> bool:
        if self._place != place or self.fired or _is_by_the_way():
            return False
        self._left -= 1
        self.fired = self._left == 0
        return self.fired

    def watch(self, engine: AsyncEngine) -> None:
        """Have the statements of this engine fail too."""

        def before(*_: Any) -> None:
            if not self._afterwards and self._reached("database"):
                raise LOST

        def after(*_: Any) -> None:
            if self._afterwards and self._reached("database"):
                raise LOST

        event.listen(engine.sync_engine, "before_cursor_execute", before)
        event.listen(engine.sync_engine, "after_cursor_execute", after)

    def _wrap_reading(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = reading._run

        async def run_or_fail(*arguments: Any) -> Any:
            fails = self._reached("database")
            if fails and not self._afterwards:
                raise LOST
            found = await run(*arguments)
            if fails:
                raise LOST
            return found

        monkeypatch.setattr(reading, "_run", run_or_fail)

    def _wrap(
        self,
        monkeypatch: pytest.MonkeyPatch,
        owner: type,
        names: tuple[str, ...],
        place: Place,
        failure: type[Exception],
    ) -> None:
        for name in names:
            method: Callable[..., Awaitable[Any]] = getattr(owner, name)

            async def call(*given: Any, _method: Callable[..., Awaitable[Any]] = method, **named: Any) -> Any:
                fails = self._reached(place)
                if fails and not self._afterwards:
                    raise failure("made to fail")
                result = await _method(*given, **named)
                if fails:
                    raise failure("made to fail afterwards")
                return result

            monkeypatch.setattr(owner, name, call)


def _is_by_the_way() -> bool:
    task = asyncio.current_task()
    return task is not None and task.get_name().startswith(_BY_THE_WAY)
