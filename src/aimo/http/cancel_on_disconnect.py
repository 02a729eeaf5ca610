"""Work that is only worth doing while its client waits: servers do not end it when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from aimo.errors import AimoError, Code
from aimo.http.dependencies import AnyRequest

T = TypeVar("T")


async def run_until_disconnect(request: AnyRequest, work: Coroutine[object, object, T]) -> T:
    """Return the result of the work, which is cancelled when the client hangs up first.

    Raises:
        AimoError: ``SYSTEM_ERROR`` when nobody is there any more to read it.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_until_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise AimoError(Code.SYSTEM_ERROR, "The client left")
        return task.result()
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _until_gone(request: AnyRequest) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
