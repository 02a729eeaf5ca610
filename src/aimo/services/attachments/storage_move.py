"""Moving all stored files to another storage, so that it can be stopped and killed at any time.

Each file is copied and read back before its row names the new place, and it is removed from the old
place, if at all, only afterwards. So at every moment a row names a place that has the file; running
the move again goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.connection import Database
from aimo.db.queries import stored_files as file_queries
from aimo.db.transaction import atomically
from aimo.services.attachments.file_urls import is_own_avatar, placed
from aimo.services.attachments.thumbnails import copies_of
from aimo.storage.content_types import UNKNOWN
from aimo.storage.local import in_thread
from aimo.storage.protocol import ObjectMissingError, Storage, StorageError

log = structlog.get_logger(__name__)

_BATCH = 200
_AT_ONCE = 4


@dataclass(frozen=True)
class FileToMove:
    """A file by its key, and the row that names it: an attachment's, or of a user whose picture it is.

    ``kind`` is where an attachment's row says that it is; pictures' rows do not say.
    """

    key: str
    content_type: str
    row_id: str
    is_picture: bool = False
    kind: str | None = None


@dataclass
class MoveReport:
    """What was done. ``missing`` and ``failed`` name files by their keys; the latter with the reason."""

    moved: int = 0
    already_there: int = 0
    verified: int = 0
    removed: int = 0
    missing: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every file is in its new place."""
        return not self.missing and not self.failed


class FileMove:
    """Moves the files of all users from one storage to another."""

    def __init__(self, database: Database, source: Storage, target: Storage, *, scratch: Path) -> None:
        """``scratch`` is an existing folder for one file at a time on its way."""
        self._database = database
        self._source = source
        self._target = target
        self._scratch = scratch
        self.report = MoveReport()

    async def move(self, done: Callable[[], None] = lambda: None) -> None:
        """Copy what is not in the new place yet, and let the rows name it; ``done`` is called after each file."""
        await self._each(self._move, done)

    async def verify(self, done: Callable[[], None] = lambda: None) -> None:
        """Read every file in its new place, and in the old one where it still is, and compare them."""
        await self._each(self._verify, done)

    async def remove_sources(self, done: Callable[[], None] = lambda: None) -> None:
        """Remove from the old place what the new one has."""
        await self._each(self._remove, done)

    async def _each(self, work: Callable[[FileToMove], Awaitable[object]], done: Callable[[], None]) -> None:
        async for batch in self._batches():
            limit = asyncio.Semaphore(_AT_ONCE)

            async def one(file: FileToMove, limit: asyncio.Semaphore = limit) -> None:
                async with limit:
                    try:
                        await work(file)
                    except StorageError as error:
                        self.report.failed[file.key] = str(error)
                        log.warning("file move failed", key=file.key, reason=str(error))
                    done()

            async with asyncio.TaskGroup() as group:
                for file in batch:
                    group.create_task(one(file))

    async def _batches(self) -> AsyncIterator[list[FileToMove]]:
        after = ""
        while True:
            async with self._database.reads() as connection:
                files = await file_queries.files_after(connection, after=after, limit=_BATCH)
            if not files:
                break
            after = files[-1].attachment_id
            yield [FileToMove(file.path, file.type, file.attachment_id, kind=file.storage_type) for file in files]
        after = ""
        while True:
            async with self._database.reads() as connection:
                pictures = await file_queries.pictures_after(connection, after=after, limit=_BATCH)
            if not pictures:
                break
            after = pictures[-1].uid
            yield [
                FileToMove(key, UNKNOWN, uid, is_picture=True)
                for uid, key in pictures
                if key and is_own_avatar(uid, key)
            ]

    async def _move(self, file: FileToMove) -> None:
        if file.kind not in (None, self._source.kind):
            self.report.already_there += file.kind == self._target.kind
            return
        try:
            moved = await self._copy(file)
        except ObjectMissingError:
            if not await self._target.exists(file.key):
                await self._note_missing(file)
                return
            moved = False
        if not (await self._is_named(file) if file.is_picture else await self._place(file)):
            await self._target.delete(file.key)  # removed by its user meanwhile
            return
        self.report.moved += moved or not file.is_picture
        self.report.already_there += not moved and file.is_picture

    async def _copy(self, file: FileToMove) -> bool:
        """Copy a file and read it back; False when the same bytes were there already."""
        with NamedTemporaryFile(dir=self._scratch, prefix="move-") as temporary:
            async with await self._source.open(file.key) as stored:
                digest = sha256()
                async for piece in stored.chunks:
                    digest.update(piece)
                    await in_thread(temporary.write, piece)
            await in_thread(temporary.flush)
            if await self._hash(self._target, file.key) == digest.digest():
                return False
            await self._target.put(file.key, Path(temporary.name), file.content_type)
        if await self._hash(self._target, file.key) != digest.digest():
            raise StorageError("the copy differs from the original")
        return True

    async def _note_missing(self, file: FileToMove) -> None:
        if file.key not in self.report.missing and await self._is_named(file):
            self.report.missing.append(file.key)
            log.warning("a file is missing", key=file.key)

    async def _is_named(self, file: FileToMove) -> bool:
        """Return whether the row names the file now: users go on removing theirs while they are moved."""
        async with self._database.reads() as connection:
            if file.is_picture:
                return (await file_queries.pictures(connection, uids=[file.row_id])).get(file.row_id) == file.key
            return await file_queries.path_of(connection, attachment_id=file.row_id) == file.key

    async def _place(self, file: FileToMove) -> bool:
        columns = placed(self._target.placement)

        async def work(connection: AsyncConnection) -> bool:
            return await file_queries.place(connection, attachment_id=file.row_id, key=file.key, **columns)

        return await atomically(self._database, "stored_files.place", work, entity=file.row_id)

    async def _verify(self, file: FileToMove) -> None:
        if file.kind not in (None, self._target.kind):
            return
        copy = await self._hash(self._target, file.key)
        original = await self._hash(self._source, file.key)
        if copy is None:
            await self._note_missing(file)
        elif original not in (None, copy):
            self.report.failed[file.key] = "the copy differs from the original"
        else:
            self.report.verified += 1

    async def _remove(self, file: FileToMove) -> None:
        if file.kind not in (None, self._target.kind) or file.key in self.report.failed:
            return
        if not await self._target.exists(file.key):
            return
        if file.content_type.startswith("image/"):
            # Small copies are made again in the new place; an earlier move may have left them alone in the old one.
            await asyncio.gather(*(self._source.delete(key) for key in copies_of(file.key)))
        if await self._source.exists(file.key):
            await self._source.delete(file.key)
            self.report.removed += 1

    async def _hash(self, storage: Storage, key: str) -> bytes | None:
        """Return the SHA-256 of a stored file; None where there is none."""
        try:
            stored = await storage.open(key)
        except ObjectMissingError:
            return None
        digest = sha256()
        async with stored:
            async for piece in stored.chunks:
                digest.update(piece)
        return digest.digest()
