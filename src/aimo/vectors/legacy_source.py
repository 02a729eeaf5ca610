"""Reads the LanceDB database of the existing server, and never writes to it.

See docs/contract/source-database.md#tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa

from aimo.errors import ConfigurationError
from aimo.vectors.errors import report_failures_as
from aimo.vectors.table_names import table_names

_SECONDS = 120.0

_reported_as = partial(report_failures_as, advice="only a copy of the source from before has them")


class SourceTable:
    """One table at one version. Rows have positions, which never change for that version."""

    def __init__(self, connection: Any, name: str, handle: Any, *, version: int, rows: int, schema: pa.Schema) -> None:
        self.name = name
        self.version = version
        self.rows = rows
        self.schema = schema
        self._connection = connection
        self._handle = handle

    async def read(self, columns: Sequence[str], first: int, count: int) -> pa.Table:
        """Return the rows at positions ``first`` up to ``first + count``, in order.

        Raises:
            VectorStoreError: they cannot be read.
        """
        query = self._handle.query().select(list(columns)).offset(first).limit(count)
        with _reported_as(f"reading {self.name} of the source"):
            async with asyncio.timeout(_SECONDS):
                return await query.to_arrow()

    async def matching(self, column: str, values: Sequence[str], wanted: Sequence[str]) -> pa.Table:
        """Return the ``wanted`` columns of the rows whose ``column`` is one of the values.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        query = self._handle.query().where(lancedb.expr.col(column).isin(list(values))).select(list(wanted))
        with _reported_as(f"reading {self.name} of the source"):
            async with asyncio.timeout(_SECONDS):
                return await query.to_arrow()

    async def superseded(self) -> bool:
        """Return whether the table has been written to since it was pinned.

        Raises:
            VectorStoreError: the source cannot be read at all.
        """
        with _reported_as(f"opening {self.name} of the source"):
            handle = await self._connection.open_table(self.name)
            newest: int = await handle.version()
            handle.close()
        return newest != self.version

    def close(self) -> None:
        """Let go of the table."""
        self._handle.close()


class LegacySource:
    """The tables of a source, each pinned to the version it had when it was opened."""

    def __init__(self, connection: Any, uri: str, tables: dict[str, SourceTable]) -> None:
        self.uri = uri
        self.tables = tables
        # What whoever migrates should look at, and what else there is to say of the source as a whole.
        self.warnings: list[str] = []
        self.remarks: list[str] = []
        self._connection = connection

    @classmethod
    async def open(
        cls,
        uri: str,
        *,
        storage_options: Mapping[str, str] | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> LegacySource:
        """Open a folder or ``s3://bucket/prefix`` for reading.

        Args:
            uri: where the ``*.lance`` folders are.
            storage_options: passed on to LanceDB for an object store.
            versions: versions to read instead of the newest ones, by table; other tables are left out.

        Raises:
            ConfigurationError: there is no LanceDB database.
            VectorStoreError: it cannot be read, or a version is not there any more.
        """
        if "://" not in uri and not Path(uri).is_dir():  # noqa: ASYNC240 (one look at the local disk)
            raise ConfigurationError(f"There is no folder {uri}: --source must name the old server's LanceDB folder.")
        with _reported_as(f"opening {uri}"):
            connection = await lancedb.connect_async(
                uri, storage_options=dict(storage_options) if storage_options else None
            )
            names = await table_names(connection)
        if not names:
            raise ConfigurationError(f"{uri} holds no tables: --source must name the folder with the *.lance folders.")
        source = cls(connection, uri, {})
        for name in names if versions is None else versions:
            source.tables[name] = await source._pinned(name, None if versions is None else versions[name])
        return source

    async def newest_versions(self) -> dict[str, int]:
        """Return the version that each table has right now.

        Raises:
            VectorStoreError: the source cannot be read.
        """
        newest = {}
        for name in await table_names(self._connection):
            with _reported_as(f"opening {name} of the source"):
                handle: Any = await self._connection.open_table(name)
                newest[name] = await handle.version()
                handle.close()
        return newest

    async def drop(self, names: Sequence[str]) -> None:
        """Delete tables for good: the one thing here that changes the source.

        Raises:
            VectorStoreError: LanceDB failed; some may be gone.
        """
        for name in names:
            with _reported_as(f"deleting {name} of the source"):
                await self._connection.drop_table(name)

    def close(self) -> None:
        """Let go of everything."""
        for table in self.tables.values():
            table.close()
        self._connection.close()

    async def _pinned(self, name: str, version: int | None) -> SourceTable:
        with _reported_as(f"opening {name} of the source"):
            handle = await self._connection.open_table(name)
            pinned = await handle.version() if version is None else version
            await handle.checkout(pinned)
            rows, schema = await handle.count_rows(), await handle.schema()
            return SourceTable(self._connection, name, handle, version=pinned, rows=rows, schema=schema)
