"""All LanceDB tables of an installation, opened and closed together."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import lancedb
import structlog
from lancedb import AsyncConnection

from aimo.errors import ConfigurationError
from aimo.vectors import schemas
from aimo.vectors.damage import Connect, damage, drop_unopenable
from aimo.vectors.embedding_caches import Cache, EmbeddingCache, MultimodalCache
from aimo.vectors.errors import DamagedTableError, VectorStoreError, report_failures_as
from aimo.vectors.fence import Fence, FencedError, next_token
from aimo.vectors.owned_table import OwnedLanceTable
from aimo.vectors.table import LanceTable
from aimo.vectors.table_names import table_names
from aimo.vectors.text_table import TextTable
from aimo.vectors.upkeep import Upkeep, UpkeepPolicy
from aimo.vectors.vector_table import VectorTable

_CACHES: dict[str, type[Cache[Any]]] = {"embedding": EmbeddingCache, "multimodal_embedding": MultimodalCache}
_NAMES = re.compile(rf"memo_vectors|attachment_vectors|memo_texts|({'|'.join(_CACHES)})_cache(_\d+)?")
_FENCE_ATTEMPTS = 5

log = structlog.get_logger(__name__)


class _Tables(NamedTuple):
    memo_vectors: VectorTable
    attachment_vectors: VectorTable
    memo_texts: TextTable
    embedding_cache: EmbeddingCache
    multimodal_cache: MultimodalCache


class VectorStore:
    """The five tables: vectors of memos and of attachments, texts, and two caches.

    One process at a time may write to the first three and do upkeep: the writer lease saves useless work, and
    `raise_fence` keeps out a process that has lost it without noticing. Any process may read, and write to the caches.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        tables: _Tables,
        upkeeps: Sequence[Upkeep],
        connect: Connect,
        fence: Fence,
    ) -> None:
        self._fence = fence
        self._connection: Any = connection
        self._connect = connect
        self.tables = tables
        self._upkeeps = upkeeps
        self.memo_vectors = tables.memo_vectors
        self.attachment_vectors = tables.attachment_vectors
        self.memo_texts = tables.memo_texts
        self.embedding_cache = tables.embedding_cache
        self.multimodal_cache = tables.multimodal_cache

    @classmethod
    async def open(
        cls,
        uri: str | os.PathLike[str],
        *,
        model: str,
        dimension: int,
        multimodal_model: str | None = None,
        multimodal_dimension: int = schemas.LEGACY_MULTIMODAL_DIMENSION,
        storage_options: Mapping[str, str] | None = None,
        retention_days: float = 7,
        policy: UpkeepPolicy | None = None,
        mend: bool = False,
    ) -> VectorStore:
        """Open the store and create what is missing; safe while other processes do the same.

        Args:
            uri: a folder, or ``s3://bucket/prefix``.
            model: the text embedder's model, for a table of memo vectors that is created now. One that
                exists keeps the model it was made for: ask ``memo_vectors.matches``.
            dimension: the length of that model's vectors; the text cache is opened for it.
            multimodal_model: the same for attachments.
            multimodal_dimension: the length of the multimodal model's vectors.
            storage_options: passed on to LanceDB; see `s3_options`.
            retention_days: the age at which `optimize` removes old versions of a table.
            policy: when `upkeep` is due.
            mend: recreate those tables that cannot be opened because their files are broken.

        Raises:
            ConfigurationError: a table of another program has the name of one of ours.
            VectorStoreError: LanceDB failed.
        """
        uri = os.fspath(uri)
        connect = partial(
            lancedb.connect_async,
            uri,
            read_consistency_interval=timedelta(0),
            storage_options=dict(storage_options) if storage_options else None,
        )
        with report_failures_as(f"opening {uri}"):
            connection = await connect()
            names = await table_names(connection)
        if theirs := [name for name in ("users", "memos") if name in names]:
            connection.close()  # type: ignore[no-untyped-call]
            raise ConfigurationError(
                f"LANCEDB_PATH {uri} is the old server's folder: it holds its table {theirs[0]}. Let LANCEDB_PATH name "
                f"an empty folder, and bring the old data over with `aimo migrate-data --source {uri}` (MIGRATION.md)."
            )
        if mend:
            await drop_unopenable(connect, await _known_table_names(connection))
        fence = Fence()
        tables = _Tables(
            await VectorTable.open(connection, schemas.memo_vectors(model, dimension), fence),
            await VectorTable.open(
                connection, schemas.attachment_vectors(multimodal_model, multimodal_dimension), fence
            ),
            await TextTable.open(connection, fence),
            await EmbeddingCache.open(connection, dimension),
            await MultimodalCache.open(connection, multimodal_dimension),
        )
        retention = timedelta(days=retention_days)
        upkeeps = [Upkeep(table, policy or UpkeepPolicy(), retention) for table in tables]
        return cls(connection, tables, upkeeps, connect, fence)

    @property
    def is_writer(self) -> bool:
        """Whether this process has raised the fence, and no write was refused since."""
        return self._fence.token is not None

    async def raise_fence(self) -> None:
        """Become the writer: no other process's write to the first three tables is accepted from here on.

        What is to be written has to be read afterwards. Without it, or once another process has done it, writes fail
        with `FencedError`.

        Raises:
            VectorStoreError: LanceDB failed; the fence may be raised in some of the tables.
        """
        self._fence.token = None
        tables: list[OwnedLanceTable] = []
        latest = ""
        for table in (self.memo_vectors, self.attachment_vectors, self.memo_texts):
            try:
                latest = max(latest, await table.fence_token())
            except DamagedTableError:
                # It gets a fence row when it is recreated, and takes no writes before.
                continue
            tables.append(table)
        for _ in range(_FENCE_ATTEMPTS):
            token = latest = next_token(latest)
            if all(await asyncio.gather(*(table.raise_fence(token) for table in tables))):
                self._fence.token = token
                return
            latest = max(await asyncio.gather(*(table.fence_token() for table in tables)))
        raise FencedError("other processes keep becoming the writer")

    async def close(self) -> None:
        """Let writes under way finish, then let go of everything."""
        for table in self.tables:
            await table.close()
        self._connection.close()
        log.info("LanceDB closed")

    async def text_cache(self, dimension: int) -> EmbeddingCache:
        """Return the text cache for vectors of another length than the configured one, as an old database may hold.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        return await EmbeddingCache.open(self._connection, dimension)

    async def cache_tables(self) -> list[Cache[object]]:
        """Return every embedding cache that there is, also for vectors of other lengths than the configured ones.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        found: dict[str, Cache[object]] = {}
        for name in await _known_table_names(self._connection):
            if name.partition("_cache")[0] in _CACHES:
                with report_failures_as(f"opening {name}"):
                    schema = await (await self._connection.open_table(name)).schema()
                table = await self.cache_for(name, schema.field("embedding").type.list_size)
                found[table.name] = table
        return list(found.values())

    async def cache_for(self, name: str, dimension: int) -> Cache[object]:
        """Return the cache for vectors of this length, made if it is missing; ``name`` tells of which of the two kinds.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        return await _CACHES[name.partition("_cache")[0]].open(self._connection, dimension)

    async def prune_caches(self, most: int) -> None:
        """Remove the oldest rows of each embedding cache beyond this many.

        Raises:
            VectorStoreError: LanceDB failed.
        """
        for table in await self.cache_tables():
            if removed := await table.prune(most):
                log.info("embedding cache pruned", table=table.name, rows=removed)

    async def recreate_damaged_tables(self) -> list[str]:
        """Empty the tables whose files are missing or broken, also caches; the names of those that were.

        Only the writer may do it, and only where all rows are written again afterwards.

        Raises:
            VectorStoreError: some table cannot be read for another reason, or not be emptied.
        """
        tables: dict[str, LanceTable] = {table.name: table for table in await self.cache_tables()}
        tables |= {table.name: table for table in self.tables}
        recreated = []
        for name, table in tables.items():
            if found := await damage(self._connect, name):
                log.warning("damaged table recreated empty", table=name, reason=str(found))
                await table.recreate_empty()
                recreated.append(name)
        return recreated

    def upkeep_due(self) -> bool:
        """Return whether some table has had enough writes, or enough time has gone by, for `upkeep`."""
        return any(upkeep.due for upkeep in self._upkeeps)

    async def upkeep(self) -> None:
        """Do the frequent upkeep of the tables that are due: milliseconds to a second, beside reads and writes.

        Raises:
            VectorStoreError: some table's upkeep failed; the others had theirs.
        """
        await _each([upkeep.fold_fragments_or_optimize for upkeep in self._upkeeps if upkeep.due])

    async def optimize(self) -> None:
        """Do the nightly upkeep of all tables: every index up to date, old versions removed.

        A vector index is made here once a table is large enough. Call it after large imports, too.

        Raises:
            VectorStoreError: some table's upkeep failed; the others had theirs.
        """
        await _each([upkeep.optimize for upkeep in self._upkeeps])

    @property
    def upkeep_failures(self) -> dict[str, int]:
        """How often the upkeep of each table has failed since the store was opened."""
        return {upkeep.table.name: upkeep.failures for upkeep in self._upkeeps}


def s3_options(
    *, bucket: str, endpoint: str, region: str, access_key_id: str, secret_access_key: str
) -> dict[str, str]:
    """LanceDB's storage options for S3 or a service like it; what is empty is left to the environment.

    Alibaba Cloud OSS takes requests only where the bucket's name is part of the host.
    """
    options = {
        "endpoint": endpoint,
        "region": region,
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        "timeout": "60s",
        "connect_timeout": "5s",
    }
    scheme, _, host = endpoint.strip("/").rpartition("://")
    if host.endswith(".aliyuncs.com"):
        own_host = host if host.startswith(f"{bucket}.") else f"{bucket}.{host}"
        options |= {"endpoint": f"{scheme or 'https'}://{own_host}", "virtual_hosted_style_request": "true"}
    if endpoint.startswith("http://"):
        options["allow_http"] = "true"
    return {name: value for name, value in options.items() if value}


async def _known_table_names(connection: object) -> list[str]:
    """Return the tables that are there and can only be of this program, whatever the dimension of the caches is."""
    with report_failures_as("listing tables"):
        names = await table_names(connection)
    return [name for name in names if _NAMES.fullmatch(name)]


async def _each(works: list[Callable[[], Awaitable[None]]]) -> None:
    """Do all of them, whatever happens; then raise what happened."""
    failures: list[VectorStoreError] = []
    for work in works:
        try:
            await work()
        except VectorStoreError as error:
            failures.append(error)
    if failures:
        raise VectorStoreError("; ".join(map(str, failures))) from failures[0]
