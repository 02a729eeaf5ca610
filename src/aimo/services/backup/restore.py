"""Brings a backup into an empty installation, on either kind of database."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.db.migrations.equal_names import merge_equal_names
from aimo.db.queries import access_tokens as access_token_queries
from aimo.db.queries import backup as table_queries
from aimo.db.queries import outbox as outbox_queries
from aimo.db.queries import rebuild as rebuild_queries
from aimo.db.queries import sessions as session_queries
from aimo.db.queries.outbox import NewEntry
from aimo.db.transaction import transaction
from aimo.errors import ConfigurationError
from aimo.services.attachments.file_urls import placed
from aimo.services.backup.error_text import reason
from aimo.services.backup.format import FORMAT, DamagedArchiveError, Header, Summary
from aimo.services.backup.reader import Reader
from aimo.storage.protocol import Storage, StorageError
from aimo.vectors.archive import RestoredRows, vector_length
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.store import VectorStore

_BATCH = 500
# The revision that merges names; backups of older ones have keys as they were.
_EQUAL_NAMES_MERGED = "0053"
_MOST_SECONDS = 6 * 3600.0


class Restore:
    """All rows come in one transaction after files and caches, so that a restoration that fails leaves no user."""

    def __init__(self, database: Database, vectors: VectorStore, storage: Storage) -> None:
        self._database = database
        self._vectors = vectors
        self._storage = storage

    async def read(self, source: Path) -> Summary:
        """Verify the whole backup, then bring it in and entry everything for LanceDB.

        Raises:
            ConfigurationError: it is damaged or of a newer release, or the installation is not empty; then nothing
                was changed. Or bringing it in failed; then the text says whether all of it was taken back.
            StorageError, VectorStoreError, SQLAlchemyError: whether the installation is empty is not known.
        """
        reader = Reader(source)
        try:
            header = reader.header()
            _require_known(header)
            older = header.schema != migrate.known_revisions()[-1]
            summary = reader.verify(older=older, room=self._room())
        except DamagedArchiveError as error:
            raise ConfigurationError(f"The backup is damaged: {error}. Nothing was changed.") from error
        if filled := await self._filled():
            where = ", ".join(filled)
            raise ConfigurationError(f"A backup is restored into an empty installation only; this one has: {where}.")
        added = RestoredRows()
        # One line a key, as JSON: there can be more of them than fit into memory.
        with tempfile.TemporaryFile("w+", dir=self._storage.scratch, encoding="ascii") as put:
            try:
                await self._restore_everything(reader, header, summary, put, added)
            except BaseException as error:
                outcome = await self._undo_restore(put, added)
                if not isinstance(error, Exception):
                    raise
                raise ConfigurationError(f"The backup could not be restored: {reason(error)}. {outcome}") from error
        return summary

    def _room(self) -> int | None:
        """Return how many bytes of files can be stored, where that is known."""
        if self._storage.kind != "local":
            return None
        return shutil.disk_usage(self._storage.scratch).free

    async def _restore_everything(
        self, reader: Reader, header: Header, summary: Summary, put: IO[str], added: RestoredRows
    ) -> None:
        await self._vectors.raise_fence()
        # Without a memo or attachment these belong to nothing: a restoration that was killed left them.
        for follower in (self._vectors.memo_vectors, self._vectors.memo_texts, self._vectors.attachment_vectors):
            if await follower.count():
                await follower.clear()
        await self._files(reader, put)
        await self._vector_tables(reader, header, added)
        async with transaction(self._database, "restore", seconds=_MOST_SECONDS) as connection:
            for table, rows in reader.rows():
                await self._rows(connection, table, rows)
            await _require_complete(connection, summary)
            if header.schema < _EQUAL_NAMES_MERGED:
                await connection.run_sync(merge_equal_names)
            await session_queries.end_all(connection)
            await access_token_queries.delete_all(connection)
            await _enqueue_everything(connection)
            if self._accepts_vectors_of(header):
                await _create_entries_for_vectors(connection, reader)

    async def _undo_restore(self, put: IO[str], added: RestoredRows) -> str:
        """Remove what was stored, unless there are rows that need it; return what to report of it."""
        try:
            # A commit can arrive although its answer does not.
            if await self._filled():
                return "There are rows in the database by now, so nothing was taken back: ask `aimo doctor`."
            put.seek(0)
            for line in put:
                await self._storage.delete(json.loads(line))
            await added.take_back()
        except (StorageError, VectorStoreError, SQLAlchemyError, OSError) as error:
            return f"What had been stored could not be taken back ({reason(error)}); it can be run again nevertheless."
        return "What had been stored was taken back; it can be run again."

    async def _filled(self) -> list[str]:
        """Return the tables that have rows."""
        async with self._database.reads() as connection:
            return [name for name in table_queries.TABLES if await table_queries.count(connection, name)]

    async def _files(self, reader: Reader, put: IO[str]) -> None:
        """Store all files; ``put`` gets the keys of those that were not there before."""
        for key, content in reader.files():
            received = self._storage.scratch / f"restore-{token_hex(8)}"
            digest = hashlib.sha256()
            try:
                with received.open("xb") as file:
                    for chunk in content.chunks():
                        digest.update(chunk)
                        file.write(chunk)
                if not await self._storage.exists(key):
                    put.write(json.dumps(key) + "\n")
                elif await _digest(self._storage, key) != digest.hexdigest():
                    raise StorageError(f"the storage has another file under {key}: it must be moved away before")
                await self._storage.put(key, received, "application/octet-stream")
            finally:
                received.unlink(missing_ok=True)

    async def _vector_tables(self, reader: Reader, header: Header, added: RestoredRows) -> None:
        """Restore caches, and the memos' vectors where they are of the configured model."""
        for name, rows in reader.vectors():
            if name != "memo_vectors":
                await added.add(await self._vectors.cache_for(name, vector_length(rows[0])), rows)
            elif self._accepts_vectors_of(header) and vector_length(rows[0]) == header.dimension:
                await added.add(self._vectors.memo_vectors, rows)

    def _accepts_vectors_of(self, header: Header) -> bool:
        return self._vectors.memo_vectors.matches(header.model, header.dimension)

    async def _rows(self, connection: AsyncConnection, name: str, rows: list[dict[str, Any]]) -> None:
        binary = [column.name for column in table_queries.TABLES[name].columns if column.type.python_type is bytes]
        # Where the files are now: not where they were when the backup was made.
        present: Mapping[str, object] = placed(self._storage.placement) if name == "attachments" else {}
        waiting = (
            {**row, **{key: base64.b64decode(row[key]) for key in binary if row.get(key) is not None}, **present}
            for row in rows
        )
        while batch := list(islice(waiting, _BATCH)):
            await table_queries.write(connection, name, batch)


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


async def _require_complete(connection: AsyncConnection, summary: Summary) -> None:
    """Require as many rows as the manifest says; nothing is committed otherwise."""
    for name in table_queries.TABLES:
        found, expected = await table_queries.count(connection, name), summary.rows.get(f"tables/{name}", 0)
        if found != expected:
            raise DamagedArchiveError(f"{name} has {found} rows instead of {expected}")


async def _enqueue_everything(connection: AsyncConnection) -> None:
    """Have LanceDB look at all memos and attachments."""
    for kind, following in (("memo", rebuild_queries.next_memos), ("attachment", rebuild_queries.next_attachments)):
        after = ""
        while entities := await following(connection, after=after, limit=_BATCH):
            await _write_entries(connection, kind, entities)
            after = entities[-1].entity_id


async def _create_entries_for_vectors(connection: AsyncConnection, reader: Reader) -> None:
    """Have LanceDB look at vectors whose memos are not in the backup: they may be newer than the rows."""
    for _, rows in reader.vectors("memo_vectors/"):
        for start in range(0, len(rows), _BATCH):
            owners = {row["memoId"]: row["uid"] for row in rows[start : start + _BATCH]}
            known = await rebuild_queries.live_memo_ids(connection, memo_ids=list(owners))
            await _write_entries(connection, "memo", [(memo, uid) for memo, uid in owners.items() if memo not in known])


async def _write_entries(connection: AsyncConnection, kind: str, entities: Sequence[tuple[str, str]]) -> None:
    now = clock.now_ms()
    await outbox_queries.create_many(connection, [NewEntry(kind, entity, uid, now) for entity, uid in entities])
