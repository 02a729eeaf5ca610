"""Brings a backup into an empty installation, on either kind of database."""

from __future__ import annotations

import base64
import hashlib
import shutil
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.db.queries import archive as sql
from aimo.db.queries import outbox
from aimo.db.transaction import transaction
from aimo.errors import ConfigurationError
from aimo.services.backup.archive import FORMAT, DamagedArchive, Header, Manifest, Reader
from aimo.services.backup.contents import FILES, TABLES, VECTORS
from aimo.services.backup.reasons import reason
from aimo.services.files import placed
from aimo.storage.protocol import Storage, StorageError
from aimo.vectors.archive import Additions, clear, vector_length
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.store import VectorStore

_BATCH = 500
_MOST_SECONDS = 6 * 3600.0


class Restore:
    """All rows come in one transaction after files and caches, so that a restoration that fails leaves no user."""

    def __init__(self, database: Database, vectors: VectorStore, storage: Storage) -> None:
        self._database = database
        self._vectors = vectors
        self._storage = storage

    async def read(self, source: Path) -> Manifest:
        """Verify the whole backup, then bring it in and mark everything for LanceDB.

        Raises:
            ConfigurationError: it is damaged or of a newer release, or the installation is not empty; then nothing
                was changed. Or bringing it in failed; then the text says whether all of it was taken back.
            StorageError, VectorStoreError, SQLAlchemyError: whether the installation is empty cannot be told.
        """
        reader = Reader(source)
        try:
            header = reader.header()
            _require_known(header)
            manifest = reader.verify(older=header.schema != migrate.known_revisions()[-1])
        except DamagedArchive as error:
            raise ConfigurationError(f"The backup is damaged: {error}. Nothing was changed.") from error
        if filled := await self._filled():
            where = ", ".join(filled)
            raise ConfigurationError(f"A backup is restored into an empty installation only; this one has: {where}.")
        put: list[str] = []
        added = Additions()
        try:
            await self._bring_in(reader, header, manifest, put, added)
        except BaseException as error:
            outcome = await self._take_back(put, added)
            if not isinstance(error, Exception):
                raise
            raise ConfigurationError(f"The backup could not be restored: {reason(error)}. {outcome}") from error
        return manifest

    async def _bring_in(
        self, reader: Reader, header: Header, manifest: Manifest, put: list[str], added: Additions
    ) -> None:
        # Without a memo or attachment these belong to nothing: a restoration that was killed left them.
        for follower in (self._vectors.memo_vectors, self._vectors.memo_texts, self._vectors.attachment_vectors):
            await clear(follower)
        await self._files(reader, manifest, put)
        vectors = await self._vector_tables(reader, header, added)
        async with transaction(self._database, "restore", seconds=_MOST_SECONDS) as connection:
            for table, rows in reader.tables(TABLES):
                await self._rows(connection, table, rows)
            await _require_complete(connection, manifest)
            await _mark_everything(connection, vectors)

    async def _take_back(self, put: list[str], added: Additions) -> str:
        """Remove what was stored, unless there are rows that need it; return what is to be told of it."""
        try:
            # A commit can arrive although its answer does not.
            if await self._filled():
                return "There are rows in the database by now, so nothing was taken back: ask `aimo doctor`."
            for key in put:
                await self._storage.delete(key)
            await added.take_back()
        except (StorageError, VectorStoreError, SQLAlchemyError, OSError) as error:
            return f"What had been stored could not be taken back ({reason(error)}); it can be run again nevertheless."
        return "What had been stored was taken back; it can be run again."

    async def _filled(self) -> list[str]:
        """The tables that have rows."""
        async with self._database.reads() as connection:
            return [name for name, count in sql.COUNT.items() if await connection.scalar(count)]

    async def _files(self, reader: Reader, manifest: Manifest, put: list[str]) -> None:
        """Store all files; ``put`` gets the keys of those that were not there before."""
        digests = {member.name: member.sha256 for member in manifest.members}
        for key, stream in reader.files():
            received = self._storage.scratch / f"restore-{token_hex(8)}"
            try:
                with received.open("xb") as file:
                    shutil.copyfileobj(stream, file)
                if not await self._storage.exists(key):
                    put.append(key)
                elif await _digest(self._storage, key) != digests[f"{FILES}{key}"]:
                    raise StorageError(f"the storage has another file under {key}: it must be moved away before")
                await self._storage.put(key, received, "application/octet-stream")
            finally:
                received.unlink(missing_ok=True)

    async def _vector_tables(self, reader: Reader, header: Header, added: Additions) -> set[tuple[str, str]]:
        """Restore caches and vectors; return whose vectors these are: they may be newer than the rows."""
        vectors: set[tuple[str, str]] = set()
        for name, rows in reader.tables(VECTORS):
            length = vector_length(rows)
            if name != "memo_vectors":
                await added.add(await self._vectors.cache_for(name, length), rows)
            elif self._vectors.memo_vectors.matches(header.model, length):
                await added.add(self._vectors.memo_vectors, rows)
                vectors.update((row["memoId"], row["uid"]) for row in rows)
        return vectors

    async def _rows(self, connection: AsyncConnection, name: str, rows: list[dict[str, Any]]) -> None:
        binary = [column.name for column in sql.TABLES[name].columns if column.type.python_type is bytes]
        # Where the files are now: not where they were when the backup was made.
        present = placed(self._storage.placement) if name == "attachments" else {}
        waiting = (
            row | {key: base64.b64decode(row[key]) for key in binary if row.get(key) is not None} | present
            for row in rows
        )
        while batch := list(islice(waiting, _BATCH)):
            await connection.execute(sql.WRITE[name], batch)


def _require_known(header: Header) -> None:
    if header.format > FORMAT or header.schema not in migrate.known_revisions():
        raise ConfigurationError(
            f"The backup was written by AIMO {header.aimo} (format {header.format}, schema {header.schema}), which is "
            "newer than this release. Install that one, restore, and go on from there."
        )


async def _digest(storage: Storage, key: str) -> str:
    digest = hashlib.sha256()
    async with await storage.open(key) as stored:
        async for chunk in stored.chunks:
            digest.update(chunk)
    return digest.hexdigest()


async def _require_complete(connection: AsyncConnection, manifest: Manifest) -> None:
    """The rows that are there now are as many as the manifest says; nothing is committed otherwise."""
    for name, count in sql.COUNT.items():
        found, expected = await connection.scalar(count), manifest.rows.get(f"tables/{name}", 0)
        if found != expected:
            raise DamagedArchive(f"{name} has {found} rows instead of {expected}")


async def _mark_everything(connection: AsyncConnection, vectors: set[tuple[str, str]]) -> None:
    """Have LanceDB look at all memos and attachments, and at what vectors came for."""
    now = clock.now_ms()
    for kind, statement in (("memo", sql.MEMOS), ("attachment", sql.ATTACHMENTS)):
        found = {(entity, uid) for entity, uid in await connection.execute(statement)}
        rows = sorted(found | vectors if kind == "memo" else found)
        for start in range(0, len(rows), _BATCH):
            marks = [
                {"kind": kind, "entity_id": entity, "uid": uid, "now": now}
                for entity, uid in rows[start : start + _BATCH]
            ]
            await connection.execute(outbox.MARK, marks)
