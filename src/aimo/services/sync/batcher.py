"""Work that many callers want and that costs the same for one as for a hundred."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Hands items to one handler, group by group: whatever arrived while it was busy forms the next group.

    The handler is never run twice at once. It answers with one result an item, in their order; what
    it raises is raised to every caller of the group.
    """

    def __init__(self, handle: Callable[[list[T]], Awaitable[list[R]]], *, limit: int, name: str) -> None:
        self._handle = handle
        self._limit = limit
        self._queue: asyncio.Queue[tuple[T, asyncio.Future[R]]] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(), name=name)

    async def submit(self, item: T) -> R:
        """Return the handler's result for the item. Cancelling the caller leaves the work to be done."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting any more when a group fails; asyncio would complain about that.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._queue.put_nowait((item, future))
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Let the group in hand and the queue finish, then stop."""
        await self._queue.join()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < self._limit and not self._queue.empty():
                group.append(self._queue.get_nowait())
            try:
                results = await self._handle([item for item, _ in group])
                for (_, future), result in zip(group, results, strict=True):
                    future.set_result(result)
            except Exception as error:  # noqa: BLE001 (handed to the callers, who know what it means)
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            finally:
                for _ in group:
                    self._queue.task_done()
