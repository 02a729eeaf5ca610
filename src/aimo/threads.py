"""Threads for work that would hold the event loop, in pools that cannot starve each other.

The default pool of asyncio has few threads for everybody: work that takes long, or comes by the hundred, would keep a
download waiting for a thread that reads its file.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

CORES = len(os.sched_getaffinity(0))


class Busy(Exception):
    """So many calls wait for a thread that another one would have to wait for long."""


class _Yielding:
    """While work computes in threads, the interpreter's lock changes hands every millisecond instead of every five.

    A request takes the lock several times, and waits as long for each; without such work the switches only cost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._usual = 0.0

    def __enter__(self) -> None:
        with self._lock:
            self._working += 1
            if self._working == 1:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(_SWITCH_SECONDS)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._working -= 1
            if self._working == 0:
                sys.setswitchinterval(self._usual)


_SWITCH_SECONDS = 0.001
_YIELDING = _Yielding()


class Threads:
    """A pool for one kind of work. Its threads are started when they are needed."""

    def __init__(self, name: str, count: int, *, most_waiting: int | None = None, computing: bool = False) -> None:
        """Create a pool.

        Args:
            name: what its threads are called.
            count: of its threads.
            most_waiting: bounds the calls that have no thread yet; without it any number may wait.
            computing: its work holds the interpreter's lock, so the event loop must get it often.
        """
        self._while_working = _YIELDING if computing else nullcontext()
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._places = None if most_waiting is None else threading.BoundedSemaphore(count + most_waiting)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what ``work`` returns or raises. Work that has begun goes on when the caller is cancelled.

        Raises:
            Busy: too many wait already; nothing was done.
        """
        places = self._places
        if places is not None and not places.acquire(blocking=False):
            raise Busy
        context = contextvars.copy_context()

        def do() -> T:
            with self._while_working:
                return context.run(work, *args, **kwargs)

        future = self._pool.submit(do)
        if places is not None:
            future.add_done_callback(lambda _: places.release())
        return await asyncio.wrap_future(future)


# Reading and writing files, which mostly waits for a disk.
FILES = Threads("files", 16)
# Parsing and folding what users send: computing that holds the interpreter for a part of the time.
TEXTS = Threads("texts", 2, computing=True)
# Folding what is stored, a group of memos at a time: an applied group and the doctor's batch, which may take minutes.
STORED_TEXTS = Threads("stored-texts", 2, computing=True)
