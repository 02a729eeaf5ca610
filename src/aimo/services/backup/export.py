"""Writes a backup of an installation, also while it is in use."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.ai.embedder import Embedder
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.db.queries import backup as table_queries
from aimo.db.queries import stored_files as file_queries
from aimo.db.snapshot import snapshot
from aimo.services.attachments.file_urls import is_own_avatar
from aimo.services.backup.format import FORMAT, Header, Summary
from aimo.services.backup.writer import Writer
from aimo.storage.protocol import ObjectMissingError, Storage
from aimo.vectors.archive import read_rows
from aimo.vectors.store import VectorStore

log = structlog.get_logger(__name__)

_BATCH = 500
# Rows of which each may have megabytes.
_LARGE_BATCH = 8


class Backup:
    """One consistent archive: rows of one moment, the files they name, and the embedding caches."""

    def __init__(self, database: Database, vectors: VectorStore, embedder: Embedder, storage: Storage) -> None:
        self._database = database
        self._vectors = vectors
        self._embedder = embedder
        self._storage = storage

    async def write(self, target: Path, *, vectors: bool = False) -> Summary:
        """Write everything into a new file; ``vectors`` adds what could be made again from the caches.

        Nobody has to wait meanwhile. Files come before rows: the row of an attachment that is deleted while the
        backup runs is left out, as if it had been deleted before.

        Raises:
            ConfigurationError: a file of that name has appeared meanwhile; it stays.
            DamagedArchive: a stored file changed while it was read.
            OSError: the file cannot be written.
            StorageError, VectorStoreError, SQLAlchemyError: something could not be read.
        """
        with Writer(target, self._header()) as writer:
            async with snapshot(self._database) as connection:
                gone, pictures = await self._files(connection, writer)
                for name in table_queries.TABLES:
                    await _table(connection, writer, name, gone, pictures)
            for table in await self._vectors.cache_tables():
                await _write_lance_table(writer, table)
            if vectors:
                await _write_lance_table(writer, self._vectors.memo_vectors)
            return writer.finish()

    def _header(self) -> Header:
        return Header(
            format=FORMAT,
            aimo=version("aimo"),
            schema=migrate.known_revisions()[-1],
            created_at=clock.now_ms(),
            database=self._database.engine.dialect.name,
            model=self._embedder.model,
            dimension=self._embedder.dimension,
        )

    async def _files(self, connection: AsyncConnection, writer: Writer) -> tuple[set[str], set[str]]:
        """Write all files; return the attachments and the pictures that were deleted meanwhile."""
        gone: set[str] = set()
        after = ""
        while rows := await file_queries.files_after(connection, after=after, limit=_BATCH):
            after = rows[-1].attachment_id
            for row in rows:
                if not await self._copy(writer, row.path):
                    if await self._still_there(row.attachment_id):
                        writer.missing_files.append(row.path)
                    else:
                        gone.add(row.attachment_id)
        pictures: set[str] = set()
        after = ""
        while users := await file_queries.pictures_after(connection, after=after, limit=_BATCH):
            after = users[-1].uid
            for user in users:
                if user.avatar and is_own_avatar(user.uid, user.avatar) and not await self._copy(writer, user.avatar):
                    pictures.add(user.avatar)
        return gone, pictures

    async def _copy(self, writer: Writer, key: str) -> bool:
        try:
            stored = await self._storage.open(key)
        except ObjectMissingError:
            return False
        async with stored:
            await writer.file(key, stored.size, stored.chunks)
        return True

    async def _still_there(self, attachment_id: str) -> bool:
        """Return whether the row exists now, outside of the snapshot: then its file was lost before."""
        async with self._database.reads() as connection:
            path = await file_queries.path_of(connection, attachment_id=attachment_id)
        if path is not None:
            log.warning("the file of an attachment is missing", attachment=attachment_id)
        return path is not None


async def _table(connection: AsyncConnection, writer: Writer, name: str, gone: set[str], pictures: set[str]) -> None:
    batch = _LARGE_BATCH if name in table_queries.WITH_LONG_TEXTS else _BATCH
    result = await connection.stream(table_queries.READ[name], execution_options={"max_row_buffer": batch})
    async for rows in result.mappings().partitions(batch):
        plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
        if name == "attachments":
            plain = [row for row in plain if row["attachment_id"] not in gone]
        if name == "users":
            plain = [row | {"avatar": None} if row["avatar"] in pictures else row for row in plain]
        writer.rows(f"tables/{name}", plain)
    writer.end_of(f"tables/{name}")


async def _write_lance_table(writer: Writer, table: Any) -> None:
    name = f"vectors/{table.name}"
    async for rows in read_rows(table):
        writer.rows(name, rows)
    writer.end_of(name)


def _plain(value: object) -> object:
    """Return a value of the database as JSON has it; bytes as base64, the column's type tells which they are."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def described(summary: Summary) -> Sequence[tuple[str, int]]:
    """Return the number of rows by table, as people read it."""
    return [(name.partition("/")[2], rows) for name, rows in summary.rows.items()]
