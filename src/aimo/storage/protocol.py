"""What object storage promises; one screen, one adapter a kind (docs/storage.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

Kind = Literal["local", "s3", "oss"]


class StorageError(Exception):
    """Storing, reading or deleting failed."""


class ObjectMissingError(StorageError):
    """There is no object under the key."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an object was put, kept with its row: all None but ``kind`` for local files."""

    kind: Kind
    bucket: str | None = None
    prefix: str | None = None
    endpoint: str | None = None
    region: str | None = None
    public: bool | None = None


class ListedObject(NamedTuple):
    """An object in a listing: its key, when it was stored in seconds since the epoch, and its bytes."""

    key: str
    stored: float
    size: int


class StoredObject(Protocol):
    """An open object. An asynchronous context manager; leaving it closes the object."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def modified(self) -> float | None:
        """Seconds since the epoch, when known."""

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """All bytes in pieces."""

    def read(self, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a range in pieces; up to the end without ``length``.

        Raises:
            StorageError: while iterating, when reading fails.
        """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Storage(Protocol):
    """Files under keys made by :mod:`aimo.storage.keys`."""

    @property
    def kind(self) -> Kind:
        """The adapter's name in ``ATTACHMENT_STORAGE_TYPE``."""

    @property
    def scratch(self) -> Path:
        """Folder in which uploads are received; it exists after :meth:`prepare`."""

    @property
    def placement(self) -> Placement:
        """What to keep with the row of an object that is put now."""

    async def prepare(self) -> None:
        """Make what must exist and clear what a killed process left behind.

        Raises:
            StorageError: the storage cannot be used.
        """

    async def close(self) -> None:
        """Give back connections."""

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Store a local file under a key: entirely or not at all. The source stays the caller's.

        Raises:
            StorageError: it could not be stored, or the key is none.
        """

    async def open(self, key: str) -> StoredObject:
        """Open an object for reading.

        Raises:
            ObjectMissing: there is none.
            StorageError: it cannot be read.
        """

    async def delete(self, key: str) -> None:
        """Remove an object; a missing one is fine.

        Raises:
            StorageError: it could not be removed.
        """

    async def exists(self, key: str) -> bool:
        """Return whether there is an object.

        Raises:
            StorageError: that is not known.
        """

    def listing(self, batch: int) -> AsyncIterator[list[ListedObject]]:
        """Yield all objects, at most ``batch`` at a time.

        Raises:
            StorageError: while iterating, when listing fails.
        """

    def url(self, key: str, *, lifetime: int, placement: Placement | None = None) -> str:
        """Return where a browser gets the object without a token, for ``lifetime`` seconds at most.

        ``placement`` is what the row remembers; without it the current configuration counts.
        """
