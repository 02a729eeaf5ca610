"""Lets one process at a time create tables: LanceDB replaces a table that another made a moment before."""

from __future__ import annotations

import asyncio
import errno
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_FILE = ".creating"
_SECONDS = 30
_POLL_SECONDS = 0.02
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@asynccontextmanager
async def creation_lock(uri: str) -> AsyncIterator[None]:
    """Hold a folder's lock, which the kernel gives back when the process dies.

    A bucket has none, nor have some network file systems: start the first server on an empty one alone.

    Raises:
        TimeoutError: another process has held it for 30 s.
        OSError: the folder cannot be written to.
    """
    if "://" in uri:
        yield
        return
    with (Path(uri) / _FILE).open("a") as file:
        async with asyncio.timeout(_SECONDS):
            await _lock(file.fileno())
        yield


async def _lock(descriptor: int) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(_POLL_SECONDS)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return None
