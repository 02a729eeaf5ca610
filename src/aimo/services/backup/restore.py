"""Brings a backup into an empty installation, on either kind of database."""

from __future__ import annotations

import base64
import shutil
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.db.queries import archive as sql
from aimo.db.queries import outbox
from aimo.db.transaction import transaction
from aimo.errors import ConfigurationError
from aimo.services.backup.archive import FORMAT, DamagedArchive, Header, Manifest, Reader
from aimo.services.files import placed
from aimo.storage.keys import is_key
from aimo.storage.protocol import Storage
from aimo.vectors.archive import add_rows, vector_length
from aimo.vectors.store import VectorStore

_BATCH = 500
_MOST_SECONDS = 6 * 3600.0

log = structlog.get_logger(__name__)


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
                was changed.
        """
        reader = Reader(source)
        try:
            header = reader.header()
            _require_known(header)
            manifest = reader.verify()
            _require_known_tables(manifest)
        except DamagedArchive as error:
            raise ConfigurationError(f"The backup is damaged: {error}. Nothing was changed.") from error
        await self._require_empty()
        await self._files(reader)
        vectors = await self._vector_tables(reader, header)
        async with transaction(self._database, "restore", seconds=_MOST_SECONDS) as connection:
            for table, rows in reader.tables("tables/"):
                await self._rows(connection, table, rows)
            await _require_complete(connection, manifest)
            await _mark_everything(connection, vectors)
        return manifest

    async def _require_empty(self) -> None:
        async with self._database.reads() as connection:
            filled = [name for name, count in sql.COUNT.items() if await connection.scalar(count)]
        if filled or await self._vectors.memo_vectors.count() or await self._vectors.memo_texts.count():
            where = ", ".join(filled) or "LanceDB"
            raise ConfigurationError(f"A backup is restored into an empty installation only; this one has: {where}.")

    async def _files(self, reader: Reader) -> None:
        for key, stream in reader.files():
            if not is_key(key):
                raise ConfigurationError(f"The backup is damaged: {key!r} is no name of a stored file.")
            received = self._storage.scratch / f"restore-{token_hex(8)}"
            try:
                with received.open("xb") as file:
                    shutil.copyfileobj(stream, file)
                await self._storage.put(key, received, "application/octet-stream")
            finally:
                received.unlink(missing_ok=True)

    async def _vector_tables(self, reader: Reader, header: Header) -> set[tuple[str, str]]:
        """Restore caches and vectors; return whose vectors these are: they may be newer than the rows."""
        vectors: set[tuple[str, str]] = set()
        for name, rows in reader.tables("vectors/"):
            if name != "memo_vectors":
                await add_rows(await self._vectors.cache_for(name, vector_length(rows)), rows)
            elif self._vectors.memo_vectors.matches(header.model, header.dimension):
                await add_rows(self._vectors.memo_vectors, rows)
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


def _require_known_tables(manifest: Manifest) -> None:
    named = {name.removeprefix("tables/") for name in manifest.rows if name.startswith("tables/")}
    if unknown := named - set(sql.TABLES):
        raise DamagedArchive(f"it has tables that nobody knows: {', '.join(sorted(unknown))}")


async def _require_complete(connection: AsyncConnection, manifest: Manifest) -> None:
    """The rows that are there now are as many as the manifest says; nothing is committed otherwise."""
    for name, count in sql.COUNT.items():
        found, expected = await connection.scalar(count), manifest.rows.get(f"tables/{name}", 0)
        if found != expected:
            raise ConfigurationError(f"{name} has {found} rows instead of {expected}. Nothing was changed.")


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
