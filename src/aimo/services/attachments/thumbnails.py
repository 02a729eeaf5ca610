"""Small copies of attached pictures, made when they are asked for and kept (docs/contract/attachments.md#thumbnail)."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import attachments as attachment_queries
from aimo.db.queries.attachments import AttachmentRow
from aimo.db.transaction import atomically
from aimo.errors import AimoError, Code
from aimo.storage import pictures
from aimo.storage.local import in_thread
from aimo.storage.pictures import NoPictureError, Size
from aimo.storage.protocol import ObjectMissingError, Storage, StorageError, StoredObject
from aimo.threads import Busy

log = structlog.get_logger(__name__)

SHOW_SIZES: Final[ContextVar[bool]] = ContextVar("show_sizes", default=False)
"""Whether who asks wants to be told how large pictures are."""

_SECONDS = 20


class Thumbnails:
    """Makes small copies once, and opens them."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def open(self, uid: str, attachment_id: str, wanted: float) -> StoredObject:
        """Open a copy of a user's picture that is about so wide; the caller closes it.

        ATTACHMENT_NOT_FOUND without the file, UNSUPPORTED_FILE_TYPE for what is no picture or too large a one.

        Raises:
            Busy: so many are being made that this one would have to wait for long.
        """
        row = await self._row(uid, attachment_id)
        if not row.type.startswith("image/") or row.size > pictures.MOST_BYTES:
            raise AimoError(Code.UNSUPPORTED_FILE_TYPE, "There is no small copy of this file")
        width = pictures.width_for(wanted)
        key = _key(row.path, width)
        try:
            try:
                return await self._storage.open(key)
            except ObjectMissingError:
                await self._make(row, key, width)
                return await self._storage.open(key)
        except StorageError as error:
            log.exception("thumbnail cannot be stored or read", user=uid, attachment=attachment_id)
            raise AimoError(Code.STORAGE_ERROR) from error

    async def _make(self, row: AttachmentRow, key: str, width: int) -> None:
        data = await self._bytes(row)
        try:
            async with asyncio.timeout(_SECONDS):
                small, size = await pictures.THREADS.run(pictures.shrink, data, width)
        except TimeoutError as error:
            raise Busy from error
        except NoPictureError as error:
            raise AimoError(Code.UNSUPPORTED_FILE_TYPE, "There is no small copy of this file") from error
        with NamedTemporaryFile(dir=self._storage.scratch, suffix=".webp") as file:
            await in_thread(Path(file.name).write_bytes, small)
            await self._storage.put(key, Path(file.name), "image/webp")
        if row.width is None:
            await self._note(row, size)

    async def _bytes(self, row: AttachmentRow) -> bytes:
        pieces, length = [], 0
        try:
            async with await self._storage.open(row.path) as stored:
                async for piece in stored.chunks:
                    length += len(piece)
                    # The row of an older file need not tell its size.
                    if length > pictures.MOST_BYTES:
                        raise AimoError(Code.UNSUPPORTED_FILE_TYPE, "There is no small copy of this file")
                    pieces.append(piece)
        except ObjectMissingError as error:
            raise AimoError(Code.ATTACHMENT_NOT_FOUND) from error
        return b"".join(pieces)

    async def _note(self, row: AttachmentRow, size: Size) -> None:
        async def work(connection: AsyncConnection) -> None:
            await attachment_queries.set_picture_size(
                connection, owner=row.uid, attachment_id=row.attachment_id, width=size.width, height=size.height
            )

        await atomically(self._database, "attachments.picture_size", work, user=row.uid, entity=row.attachment_id)

    async def _row(self, uid: str, attachment_id: str) -> AttachmentRow:
        row = None
        if ids.is_possible(attachment_id):
            async with self._database.reads() as connection:
                row = await attachment_queries.get(connection, owner=uid, attachment_id=attachment_id)
        if row is None:
            raise AimoError(Code.ATTACHMENT_NOT_FOUND)
        return row


async def remove_copies(storage: Storage, path: str) -> None:
    """Remove all small copies of a picture that is gone; a failure is logged.

    Raises nothing: nobody can reach them any more.
    """
    try:
        await asyncio.gather(*(storage.delete(key) for key in copies_of(path)))
    except StorageError:
        log.exception("thumbnails could not be deleted", key=path)


def copies_of(path: str) -> list[str]:
    """Return the keys under which a picture's small copies are kept, if they were made."""
    return [_key(path, width) for width in pictures.WIDTHS]


async def measured(path: Path, content_type: str) -> Size | None:
    """Return how large a received picture is shown; None for anything else, and while many are worked on."""
    if not content_type.startswith("image/"):
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            return await pictures.THREADS.run(pictures.measure, path)
    except (NoPictureError, Busy, TimeoutError):
        return None


def _key(path: str, width: int) -> str:
    return f"thumbnails/{path}.{width}.webp"
