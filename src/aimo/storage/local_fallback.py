"""A bucket for new files, and the folder of those that were stored before there was one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from aimo.storage.local import LocalStorage
from aimo.storage.protocol import Kind, ListedObject, Placement, Storage, StoredObject


class LocalFallbackStorage:
    """Stores in ``primary``; what ``local`` still has is served, and removed, from there.

    So a server can be moved to a bucket while it runs: files stay reachable before, during and after the move.
    """

    def __init__(self, primary: Storage, local: LocalStorage) -> None:
        self._primary = primary
        self._local = local

    @property
    def kind(self) -> Kind:
        """Where new files go."""
        return self._primary.kind

    @property
    def scratch(self) -> Path:
        """Where uploads are received."""
        return self._primary.scratch

    @property
    def placement(self) -> Placement:
        """Where new files go, for their rows."""
        return self._primary.placement

    async def prepare(self) -> None:
        """Prepare the primary storage; the folder is as it is."""
        await self._primary.prepare()

    async def close(self) -> None:
        """Close both."""
        await self._primary.close()
        await self._local.close()

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Store in the primary storage."""
        await self._primary.put(key, source, content_type)

    async def open(self, key: str) -> StoredObject:
        """Open the local file where there is one."""
        return await self._local.open(key) if await self._local.exists(key) else await self._primary.open(key)

    async def delete(self, key: str) -> None:
        """Remove from both."""
        await self._local.delete(key)
        await self._primary.delete(key)

    async def exists(self, key: str) -> bool:
        """Return whether either has it."""
        return await self._local.exists(key) or await self._primary.exists(key)

    async def listing(self, batch: int) -> AsyncIterator[list[ListedObject]]:
        """Yield what either has."""
        for storage in (self._primary, self._local):
            async for found in storage.listing(batch):
                yield found

    def url(self, key: str, *, lifetime: int, placement: Placement | None = None) -> str:
        """By the row; without one, and for rows of local files, where the file is."""
        unmoved = placement is None or placement.kind == "local"
        storage = self._local if unmoved and self._local.has(key) else self._primary
        return storage.url(key, lifetime=lifetime, placement=placement)
