"""A temporary file that is filled while data arrives, without holding up the event loop."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aimo.threads import FILES

BUFFER = 256 * 1024
"""Bytes that are collected before a thread is asked to write them."""

T = TypeVar("T")


class ScratchFile:
    """Made at the first write of ``BUFFER`` bytes or at the end; removed by :meth:`discard`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._discarded = False
        self._disk = threading.Lock()
        self.size = 0

    @property
    def path(self) -> Path:
        """Where the file is, once it is finished."""
        if self._path is None:
            raise RuntimeError("the file was not written yet")
        return self._path

    async def write(self, piece: bytes) -> None:
        """Add bytes.

        Raises:
            OSError: the disk refuses them.
        """
        self._pieces.append(piece)
        self._waiting += len(piece)
        self.size += len(piece)
        if self._waiting >= BUFFER:
            await self._flush()

    async def finish(self) -> None:
        """Write what is left; the file stays until it is discarded.

        Raises:
            OSError: the disk refuses it.
        """
        await self._flush()

    async def discard(self) -> None:
        """Remove the file, also while being cancelled."""
        self._pieces.clear()
        await _in_thread(self._remove)

    async def _flush(self) -> None:
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        await _in_thread(lambda: self._append(pieces))

    def _append(self, pieces: list[bytes]) -> None:
        with self._disk:
            if self._discarded:
                return
            if self._descriptor is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._descriptor, name = tempfile.mkstemp(prefix="upload-", dir=self._folder)
                self._path = Path(name)
            rest = memoryview(b"".join(pieces))
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def _remove(self) -> None:
        with self._disk:  # a write may still be going on when the request is cancelled
            self._discarded = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            if self._path is not None:
                self._path.unlink(missing_ok=True)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run disk work in a thread to its end, even when the caller is cancelled meanwhile."""
    return await asyncio.shield(FILES.run(work))
