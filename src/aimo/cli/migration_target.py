"""Opens what ``aimo migrate-data`` writes to, and what it reads from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from aimo.config import Settings
from aimo.db import migrate as schema_migrations
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.legacy.dry_run_target import dry_run_database
from aimo.legacy.migration import MigrationTarget
from aimo.legacy.packet import packet_limit
from aimo.legacy.plan.options import Options
from aimo.legacy.source.model_finder import attachments_dimension, found_multimodal_hash
from aimo.runtime.providers import create_multimodal_embedder
from aimo.runtime.stores import lancedb_options
from aimo.services.models.key_cipher import KeyCipher
from aimo.services.sync.lease import LeaseRow
from aimo.signing_secret import signing_secret
from aimo.storage.chosen import create_storage
from aimo.storage.signing import FileSigner
from aimo.vectors.legacy_source import LegacySource
from aimo.vectors.store import VectorStore, s3_options

_LEASE_SECONDS = 8.0


@asynccontextmanager
async def open_database(settings: Settings, options: Options) -> AsyncIterator[Database]:
    """Provide the database that rows go to, with no other writer beside; in a dry run, a copy of it.

    Raises:
        ConfigurationError: a server or another migration works on it.
    """
    if options.dry_run:
        async with dry_run_database(settings) as database:
            yield database
        return
    database = await Database.open(settings)
    try:
        await schema_migrations.prepare(database, settings)
        async with _alone(database, needed=not options.verify_only):
            yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_target(
    settings: Settings, options: Options, database: Database, source: LegacySource, model: Mapping[str, Any]
) -> AsyncIterator[MigrationTarget]:
    """Provide everything that is written to, with room for the source's vectors; a dry run gets just the database."""
    if options.dry_run:
        # What is encrypted here is thrown away.
        scratch = KeyCipher("")
        storage = create_storage(settings, FileSigner(""))
        try:
            yield MigrationTarget(database, None, storage, await _real_packet_limit(settings, database), scratch)
        finally:
            await storage.close()
        return
    vectors = await VectorStore.open(
        settings.lancedb_uri,
        model=model["name"],
        dimension=model["dimension"],
        storage_options=lancedb_options(settings),
        retention_days=settings.lancedb_version_retention_days,
        **await _of_attachments(settings, source),
    )
    # Nobody asks this one for addresses: the key of their signatures does not matter.
    storage = create_storage(settings, FileSigner(""))
    try:
        if not options.verify_only:
            await storage.prepare()
        writes = options.is_relational and not options.verify_only
        keys = KeyCipher(signing_secret(settings)) if writes else None
        yield MigrationTarget(database, vectors, storage, await packet_limit(database), keys)
    finally:
        await storage.close()
        await vectors.close()


def source_options(settings: Settings, source: str) -> dict[str, str] | None:
    """Return what LanceDB needs to reach a source in an object store; None for a folder."""
    if "://" not in source:
        return None
    return s3_options(
        bucket=urlsplit(source).netloc,
        endpoint=settings.lancedb_s3_endpoint,
        region=settings.aws_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key.get_secret_value(),
    )


async def _real_packet_limit(settings: Settings, copy: Database) -> int:
    """Return the limit of the database of which a dry run uses a copy."""
    if not settings.uses_mysql:
        return await packet_limit(copy)
    real = await Database.open(settings)
    try:
        return await packet_limit(real)
    finally:
        await real.close()


async def _of_attachments(settings: Settings, source: LegacySource) -> dict[str, Any]:
    """Return the length of the attachments' vectors, and the model, where it is known that it is the configured one."""
    dimension = attachments_dimension(source)
    if dimension is None:
        return {}
    found: dict[str, object] = {"multimodal_dimension": dimension}
    if (embedder := create_multimodal_embedder(settings)) is not None:
        try:
            if embedder.dimension == dimension and await found_multimodal_hash(source) == embedder.model_hash:
                found["multimodal_model"] = embedder.model
        finally:
            await embedder.close()
    return found


@asynccontextmanager
async def _alone(database: Database, *, needed: bool) -> AsyncIterator[None]:
    """Be the only writer of LanceDB for as long as this lasts: no server, and no other migration."""
    if not needed:
        yield
        return
    lease = LeaseRow(database, "lancedb-writer")
    await lease.start()
    try:
        try:
            async with asyncio.timeout(_LEASE_SECONDS):
                await lease.taken.wait()
        except TimeoutError:
            raise ConfigurationError(
                "A server or another migration is working on this database: stop it, then run the command again."
            ) from None
        yield
    finally:
        await lease.stop()
