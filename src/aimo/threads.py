"""Threads for work that would hold the event loop, in pools that cannot starve each other.

The default pool of asyncio has few threads for everybody: work that takes long, or comes by the hundred, would keep a
download waiting for a thread that reads its file.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

CORES = len(os.sched_getaffinity(0))


class Busy(Exception):
    """So many calls wait for a thread that another one would have to wait for long."""


class Threads:
    """A pool for one kind of work. Its threads are started when they are needed."""

    def __init__(self, name: str, count: int, *, most_waiting: int | None = None) -> None:
        """``most_waiting`` bounds the calls that have no thread yet; without it any number may wait."""
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._places = None if most_waiting is None else threading.BoundedSemaphore(count + most_waiting)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``work`` returns or raises. Work that has begun goes on when the caller is cancelled.

        Raises:
            Busy: too many wait already; nothing was done.
        """
        places = self._places
        if places is not None and not places.acquire(blocking=False):
            raise Busy
        context = contextvars.copy_context()
        future = self._pool.submit(lambda: context.run(work, *args, **kwargs))
        if places is not None:
            future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)


# Reading and writing files, which mostly waits for a disk.
FILES = Threads("files", 16)
# Parsing and folding what users send: computing that holds the interpreter for a part of the time.
TEXTS = Threads("texts", 2)
# Folding what is stored, a group of memos at a time: an applied group and the doctor's batch, which may take minutes.
STORED_TEXTS = Threads("stored-texts", 2)
