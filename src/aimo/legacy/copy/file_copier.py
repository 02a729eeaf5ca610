"""Files of attachments and pictures: found where they are, or copied and compared.

See docs/decisions/29-migration-reads-only.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.db.schema import Attachments, Users
from aimo.legacy.copy.progress import Progress
from aimo.storage.keys import is_valid_key
from aimo.storage.protocol import ObjectMissingError, Storage, StorageError

log = structlog.get_logger(__name__)

_PAGE = 1000
_LISTED = 1000


@dataclass
class FileReport:
    """How many files there are to be, were copied now, were there already, and which are missing or differ."""

    expected: int = 0
    copied: int = 0
    present: int = 0
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


class FileCopier:
    """Files of local storage. ``folder`` is the old server's; without one nothing is copied, only looked for.

    ``dry_run`` looks at the same files and copies none.
    """

    def __init__(self, database: Database, storage: Storage, folder: str | None, *, dry_run: bool) -> None:
        self._database = database
        self._dry_run = dry_run
        self._storage = storage
        self._folder = Path(folder) if folder else None

    async def run(self, progress: Progress) -> FileReport:
        """Copy or look for every file that a row names."""
        report = FileReport()
        async with self._database.reads() as connection:
            tables = [sql.table_of(Attachments), sql.table_of(Users)]
            rows = sum([(await connection.execute(sql.count(table))).scalar_one() for table in tables])
        progress.begin("files", rows)
        async for key, media_type in self._keys():
            report.expected += 1
            await self._one(key, media_type, report)
            progress.advance(report.expected)
        return report

    async def _one(self, key: str, media_type: str, report: FileReport) -> None:
        original = await asyncio.to_thread(self._original, key)
        if original is None:
            if await _exists(self._storage, key):
                report.present += 1
            else:
                report.missing.append(key)
        elif await _stored_hash(self._storage, key) == (wanted := await asyncio.to_thread(_file_hash, original)):
            report.present += 1
        elif self._dry_run or await self._copied(key, original, media_type, wanted):
            report.copied += 1
        else:
            report.differing.append(key)

    async def _copied(self, key: str, original: Path, media_type: str, wanted: str) -> bool:
        """Return whether the storage has the same bytes after copying."""
        try:
            await self._storage.put(key, original, media_type)
        except StorageError as error:
            log.warning("a file could not be copied", key=key, reason=str(error))
            return False
        return await _stored_hash(self._storage, key) == wanted

    def _original(self, key: str) -> Path | None:
        """Return the file to copy, if there is one."""
        # A key from the source is not trusted to stay inside the folder.
        if self._folder is None or not is_valid_key(key):
            return None
        path = self._folder / key
        return path if path.is_file() else None

    async def _keys(self) -> AsyncIterator[tuple[str, str]]:
        """Yield every key of local storage, of attachments and of pictures, with its media type."""
        for statement in (sql.FILES_AFTER, sql.AVATARS_AFTER):
            after = ""
            while True:
                async with self._database.reads() as connection:
                    rows = (await connection.execute(statement, {"after": after, "limit": _PAGE})).all()
                if not rows:
                    break
                after = rows[-1][0]
                for _, key, media_type, local in rows:
                    if key and local and "://" not in key:
                        yield key, media_type or mimetypes.guess_type(key)[0] or "application/octet-stream"


async def _exists(storage: Storage, key: str) -> bool:
    try:
        return await storage.exists(key)
    except StorageError:
        return False


async def _stored_hash(storage: Storage, key: str) -> str | None:
    digest = hashlib.sha256()
    try:
        async with await storage.open(key) as stored:
            async for chunk in stored.chunks:
                digest.update(chunk)
    except (ObjectMissingError, StorageError):
        return None
    return digest.hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
