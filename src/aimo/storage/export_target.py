"""Where exports are kept that are made by themselves: a folder, or a bucket that speaks S3."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from typing import IO, Protocol

import obstore
from obstore.store import S3Store

from aimo.storage.local import in_thread
from aimo.storage.object_store import FAILURES, reason
from aimo.storage.protocol import StorageError

_PART = 8 * 1024 * 1024
_PARTS_AT_ONCE = 2


class ExportTarget(Protocol):
    """Keeps whole files below names like ``folder/file.zip``."""

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Store a file, entirely or not at all, in place of one of that name.

        Raises:
            StorageError: it could not be stored. What the chunks raise comes through.
        """

    async def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, in order; StorageError when they cannot be listed."""

    async def delete(self, name: str) -> None:
        """Remove a file; StorageError when it could not be removed."""


class FolderTarget:
    """A folder of this machine; only its owner can read what is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write beside the name first."""
        target = self._folder / name
        partial = target.with_name(f".{token_hex(8)}.partial")
        try:
            await in_thread(target.parent.mkdir, 0o700, True, True)
            with await in_thread(_new, partial) as file:
                async for chunk in chunks:
                    await in_thread(file.write, chunk)
                await in_thread(file.flush)
                await in_thread(os.fsync, file.fileno())
            await in_thread(partial.replace, target)
        except OSError as error:
            raise StorageError(f"{error.strerror}: {target}") from error
        finally:
            partial.unlink(missing_ok=True)

    async def names(self, folder: str) -> list[str]:
        """Return what is in a folder; hidden files are not finished."""
        try:
            found = await in_thread(lambda: sorted(path.name for path in (self._folder / folder).iterdir()))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(str(error.strerror)) from error
        return [f"{folder}/{name}" for name in found if not name.startswith(".")]

    async def delete(self, name: str) -> None:
        """Remove a file; a missing one is fine."""
        try:
            await in_thread((self._folder / name).unlink, True)
        except OSError as error:
            raise StorageError(str(error.strerror)) from error


class BucketTarget:
    """A bucket, or a part of one."""

    def __init__(self, store: S3Store, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Upload in parts; an upload that breaks off leaves no object."""
        attributes = {"Content-Type": "application/zip"}
        try:
            await obstore.put_async(
                self._store,
                self._prefix + name,
                chunks,
                attributes=attributes,
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
        except FAILURES as error:
            raise StorageError(reason(error)) from error

    async def names(self, folder: str) -> list[str]:
        """Return what is below a folder."""
        try:
            found = [
                meta["path"].removeprefix(self._prefix)
                async for batch in obstore.list(self._store, prefix=f"{self._prefix}{folder}/")
                for meta in batch
            ]
        except FAILURES as error:
            raise StorageError(reason(error)) from error
        return sorted(found)

    async def delete(self, name: str) -> None:
        """Remove an object; a missing one is fine."""
        try:
            await obstore.delete_async(self._store, self._prefix + name)
        except FileNotFoundError:
            return
        except FAILURES as error:
            raise StorageError(reason(error)) from error


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
