"""AIMO in the tests' own process, beside a server on the same stores: the doctor without a new process each time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import delete, insert
from tests.support.server import Server

from aimo import clock, config
from aimo.db.schema import Leases
from aimo.runtime import Runtime
from aimo.services.doctor.invariant import InvariantOutcome

T = TypeVar("T")

_ROLE = "lancedb-writer"
_HOUR_MS = 3_600_000


class ConcurrentCommand:
    """Looks at the stores of a server, and takes the role of the writer away from it; use it in a `with`."""

    def __init__(self, server: Server) -> None:
        values = {name.lower(): value for name, value in server.settings.items()}
        self._runtime = Runtime(config.load(_env_file=None, **values), worker=False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="beside")

    def __enter__(self) -> ConcurrentCommand:
        self._thread.start()
        self._run(self._runtime.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._runtime.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def broken(self) -> list[InvariantOutcome]:
        """What the doctor finds: the guarantees that do not hold."""
        return [outcome for outcome in self._run(self._runtime.services.doctor.run()) if not outcome.is_satisfied]

    def take_role(self) -> None:
        """Nobody applies marks any more, as if another process were the writer and did nothing."""
        row = {"name": _ROLE, "holder": "elsewhere|1|1|1", "expires_at": clock.now_ms() + _HOUR_MS}
        self._run(self._execute(delete(Leases).where(Leases.name == _ROLE), insert(Leases).values(**row)))

    def give_role_back(self) -> None:
        """Let the server be the writer again."""
        self._run(self._execute(delete(Leases).where(Leases.name == _ROLE)))

    async def _execute(self, *statements: Any) -> None:
        async with self._runtime.stores.database.engine.begin() as connection:
            for statement in statements:
                await connection.execute(statement)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=300)
