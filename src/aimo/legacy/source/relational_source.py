"""The existing server's later releases as a source: rows in MySQL, vectors in LanceDB.

See docs/contract/source-database.md#relational-sources.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from aimo.config import Settings
from aimo.db.mysql_source import MySQLSource, public_address
from aimo.errors import ConfigurationError
from aimo.legacy.plan.options import CACHES, Options
from aimo.legacy.source.snapshot import SnapshotTable, VectorsOfRows
from aimo.legacy.source.snapshot_writer import (
    VECTORS_IN,
    Snapshot,
    digests_of,
    read_manifest,
    take_snapshot,
    text_hashes,
)
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.legacy_source import LegacySource, SourceTable

_FOLDER = "migration-snapshots"


class RelationalSource(LegacySource):
    """A snapshot of the rows, and the tables of vectors pinned beside it."""

    def __init__(
        self, opener: RelationalOpener, folder: Path, snapshot: Snapshot, vectors: LegacySource | None
    ) -> None:
        super().__init__(None, opener.uri, {})
        self.snapshot = snapshot
        self.folder = folder
        self._opener = opener
        self._vectors = vectors
        for name, version in snapshot.versions.items():
            self.tables[name] = SnapshotTable(name, folder / f"{name}.arrow", version)
        for name, rows in snapshot.others.items():
            self.tables[name] = SourceTable(None, name, None, version=0, rows=rows, schema=pa.schema([]))
        if vectors is not None:
            self._add_vectors(vectors.tables, folder)
        self.remarks = [f"The source's rows: {what} {count:,}" for what, count in snapshot.counts.items()]
        if opener.zone is None and snapshot.zone != "+00:00":
            self.warnings.append(
                f"The source's database is {snapshot.zone} from UTC: times of creation that it filled in by itself are "
                "off by that much; --source-zone with the zone that it had corrects them (MIGRATION.md)."
            )

    def _add_vectors(self, tables: Mapping[str, SourceTable], folder: Path) -> None:
        memos, attachments = tables.get("memos"), tables.get("attachments")
        if memos is not None and "memos" in self.tables and "embedding" in memos.schema.names:
            texts = text_hashes(folder / "memos.arrow")
            self.tables["memo_vectors"] = VectorsOfRows("memo_vectors", memos, ["memoId", "embedding"], texts)
        if attachments is not None and "attachments" in self.tables:
            columns = ["attachmentId", "multimodalEmbedding"]
            if columns[1] in attachments.schema.names:
                self.tables["attachment_vectors"] = VectorsOfRows("attachment_vectors", attachments, columns)
        for name in CACHES:
            if name in tables:
                self.tables[name] = tables[name]
        record = self.tables.get("table_migrations")
        if "table_migrations" in tables and (record is None or not record.rows):
            self.tables["table_migrations"] = tables["table_migrations"]

    async def newest_versions(self) -> dict[str, int]:
        """Read the source once more; a table that has other rows now has no version that anybody read.

        Raises:
            SourceUnavailableError: the database is away.
            VectorStoreError: LanceDB cannot be read.
        """
        now = await self._opener.digests()
        newest = {name: table.version for name, table in self.tables.items()}
        vectors = await self._vectors.newest_versions() if self._vectors else {}
        for name, table in self.tables.items():
            if isinstance(table, SnapshotTable):
                changed = now.get(name) != self.snapshot.digests[name]
            else:
                theirs = VECTORS_IN.get(name, name)
                changed = theirs in vectors and vectors[theirs] != table.version
            if changed:
                newest[name] = -1
        return newest

    async def drop(self, names: Sequence[str]) -> None:
        """Refuse: the source's database is never written to."""
        raise ConfigurationError("A MySQL source is never written to: remove the old database yourself.")

    def remove_other_snapshots(self, versions: Mapping[str, int] | None) -> None:
        """Remove the snapshots that no run needs; ``versions`` are those of an interrupted run."""
        self._opener.tidy(self.folder, versions)

    def close(self) -> None:
        """Let go of everything."""
        for table in self.tables.values():
            if isinstance(table, SnapshotTable):
                table.close()
        if self._vectors is not None:
            self._vectors.close()


class RelationalOpener:
    """Takes snapshots of one source, and finds those that interrupted runs have left.

    Args:
        folder: where snapshots are kept while a run needs them; it holds whatever the source does.
    """

    def __init__(
        self, settings: Settings, options: Options, folder: Path, *, storage_options: Mapping[str, str] | None
    ) -> None:
        self.uri = public_address(options.source)
        self._settings = settings
        self._options = options
        self._storage_options = storage_options
        self._folder = folder / _FOLDER / hashlib.sha256(self.uri.encode()).hexdigest()[:16]
        self.zone = options.source_zone

    async def open(self, versions: Mapping[str, int] | None = None) -> RelationalSource:
        """Take a snapshot; with ``versions``, open the one that has them.

        Raises:
            SourceUnavailableError: the database does not answer or refuses.
            VectorStoreError: LanceDB cannot be read, or the snapshot is not there any more.
        """
        if versions is not None:
            return await self._find(versions)
        database = await self._connect()
        try:
            # After the rows: what LanceDB has of later ones is then known to be none of theirs.
            vectors = await self._open_vectors(None)
            try:
                folder = self._folder / secrets.token_hex(8)
                for part in (self._folder.parent, self._folder, folder):
                    part.mkdir(mode=0o700, parents=True, exist_ok=True)
                zone = ZoneInfo(self.zone) if self.zone else None
                snapshot = await take_snapshot(database, vectors, folder, zone)
            except BaseException:
                if vectors is not None:
                    vectors.close()
                raise
        finally:
            database.close()
        return RelationalSource(self, folder, snapshot, vectors)

    async def digests(self) -> dict[str, str]:
        """Return a hash of each table as it is now."""
        database = await self._connect()
        try:
            return await digests_of(database)
        finally:
            database.close()

    def tidy(self, newest: Path, versions: Mapping[str, int] | None) -> None:
        """Keep the newest snapshot, and one with the versions of an interrupted run; remove what killed runs left."""
        usable = [] if versions is None else list(self._with(versions))
        kept = {newest} if newest in usable else {newest, *usable[:1]}
        for folder in self._folder.glob("*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def forget(self) -> None:
        """Remove all snapshots of the source: no run needs them any more."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _connect(self) -> MySQLSource:
        password = self._settings.aimo_source_password.get_secret_value()
        return await MySQLSource.open(self._settings, self._options.source, password, utc=self.zone is not None)

    async def _find(self, versions: Mapping[str, int]) -> RelationalSource:
        for folder, snapshot in self._with(versions).items():
            vectors = await self._open_vectors(snapshot.vectors)
            source = RelationalSource(self, folder, snapshot, vectors)
            current = {name: table.version for name, table in source.tables.items()}
            if versions.items() <= current.items():
                return source
            source.close()
        raise VectorStoreError("the snapshot that an interrupted run had taken is not there any more")

    def _with(self, versions: Mapping[str, int]) -> dict[Path, Snapshot]:
        found = {folder: read_manifest(folder) for folder in sorted(self._folder.glob("*"))}
        return {folder: snapshot for folder, snapshot in found.items() if snapshot and snapshot.has(versions)}

    async def _open_vectors(self, versions: Mapping[str, int] | None) -> LegacySource | None:
        if self._options.vectors is None:
            return None
        return await LegacySource.open(self._options.vectors, storage_options=self._storage_options, versions=versions)
