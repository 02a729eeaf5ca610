"""Cancelling a coroutine at every place where it can be cancelled, one after the other."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any


async def cancel_at_await(work: Coroutine[Any, Any, None], *places: int) -> bool:
    """Run `work` and cancel it when it waits for the n-th time, for each n; whether it waited that often at all.

    It is an error if it goes on as if nothing had happened after the first cancellation, unless that came too late:
    then it ends by itself.
    """
    waits = 0

    @types.coroutine
    def counting() -> Generator[Any, Any, None]:
        nonlocal waits
        step, value = work.send, None
        while True:
            try:
                waited_for = step(value)
            except StopIteration:
                return
            waits += 1
            if waits in places:
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                value = yield waited_for
                step = work.send
            except BaseException as error:
                step, value = work.throw, error

    async def run() -> None:
        await counting()

    task = asyncio.create_task(run())
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and task.exception():
        raise task.exception()  # type: ignore[misc]
    return waits >= places[0]
