"""Takes everything of a user out (docs/export.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from aimo import audit, clock
from aimo.audit import Event
from aimo.db.connection import Database
from aimo.errors import AimoError, Code
from aimo.services.export.collected import Collected, ExportOptions, collect
from aimo.services.export.entries import Entries
from aimo.services.export.zip_stream import zipped
from aimo.storage.protocol import Storage

MOST_AT_ONCE: Final = 4
"""Exports that a process makes at the same time."""


@dataclass(frozen=True)
class Archive:
    """A zip that is made while its bytes are asked for."""

    filename: str
    chunks: AsyncIterator[bytes]


class ExportService:
    """Makes exports; of each user one at a time."""

    def __init__(self, database: Database, storage: Storage, *, zone: ZoneInfo) -> None:
        self._database = database
        self._storage = storage
        self._zone = zone
        self._running: set[str] = set()

    @asynccontextmanager
    async def archive(self, uid: str, options: ExportOptions, *, address: str = "") -> AsyncIterator[Archive]:
        """Provide the zip of what a user takes out.

        OPERATION_NOT_ALLOWED while one of this user, or too many, are being made. Rows are those of the moment of
        the call; the attachments are read while the chunks are asked for.
        """
        if uid in self._running or len(self._running) >= MOST_AT_ONCE:
            raise AimoError(Code.OPERATION_NOT_ALLOWED, "An export is being made already: try again when it is done")
        self._running.add(uid)
        try:
            with audit.attempt(Event.EXPORT, user=uid, address=address):
                async with self.entries(uid, options) as (entries, collected):
                    day = clock.local_day(self._zone, collected.exported_at)
                    chunks = zipped(entries.all(), f"AIMO-{day}", self._zone)
                    yield Archive(f"AIMO-{day}.zip", chunks)
        finally:
            self._running.discard(uid)

    @asynccontextmanager
    async def entries(self, uid: str, options: ExportOptions) -> AsyncIterator[tuple[Entries, Collected]]:
        """Provide the files of an export."""
        collected = await collect(self._database, uid, options, zone=self._zone, scratch=self._storage.scratch)
        try:
            yield Entries(collected, self._storage, zone=self._zone), collected
        finally:
            collected.close()
