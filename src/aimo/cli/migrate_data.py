"""``aimo migrate-data``: move the database of the existing server into this one (MIGRATION.md)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
from cyclopts import Parameter

from aimo import config, log
from aimo.cli.migration_view import console, print_report, watching
from aimo.config import Settings
from aimo.db import migrate as schema_migrations
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.legacy import memory
from aimo.legacy.dry_run import rehearsal
from aimo.legacy.migration import Migration, Target, choose_model
from aimo.legacy.model_finder import Model, dimension_of
from aimo.legacy.plan import KNOWN, Options, UsageError
from aimo.legacy.report import Report
from aimo.runtime import create_embedder, lancedb_options
from aimo.services.sync.lease import Lease
from aimo.storage.local import LocalStorage
from aimo.storage.signing import FileSigner
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.legacy_source import LegacySource, same_place
from aimo.vectors.store import VectorStore, s3_options

logger = structlog.get_logger(__name__)

_LEASE_SECONDS = 8.0


def migrate_data(
    *,
    source: Annotated[str | None, Parameter(help="The old server's LanceDB folder, or s3://bucket/prefix.")] = None,
    dry_run: Annotated[bool, Parameter(help="Read and check everything, write nothing.", negative="")] = False,
    batch_size: Annotated[int, Parameter(help="Rows in one batch.")] = 100,
    table: Annotated[tuple[str, ...], Parameter(help="Only this table; may be given several times.")] = (),
    verify_only: Annotated[bool, Parameter(help="Compare source and target, write nothing.", negative="")] = False,
    resume: Annotated[bool, Parameter(help="Insist on going on with an interrupted run.", negative="")] = False,
    model: Annotated[str | None, Parameter(help="Keep the vectors under this model's name.")] = None,
    reembed: Annotated[bool, Parameter(help="Embed every memo again by the configured model.", negative="")] = False,
    copy_files: Annotated[str | None, Parameter(help="Folder of the old server's files, to copy.")] = None,
    report: Annotated[Path | None, Parameter(help="Write the report to this file, as JSON.")] = None,
    purge_source: Annotated[bool, Parameter(help="Delete the old tables after a valid run.", negative="")] = False,
) -> None:
    """Move a database of the existing server into this one, and prove that it arrived.

    Exit codes: 0 validated, 3 validated with rows in quarantine, 1 failed or mismatched, 2 wrong usage.
    """
    settings = config.load()
    log.configure(settings)
    memory.bound()
    try:
        if not source:
            raise UsageError("--source is required: the old server's LanceDB folder, or s3://bucket/prefix.")
        options = Options(
            source=source.rstrip("/") if "://" in source else str(Path(source).resolve()),
            batch=batch_size,
            tables=tuple(name for name in KNOWN if name in table) or table,
            dry_run=dry_run,
            verify_only=verify_only,
            resume=resume,
            model=model,
            reembed=reembed,
            copy_files=copy_files,
            purge_source=purge_source,
        )
        options.check()
        if copy_files and not Path(copy_files).is_dir():
            raise UsageError(f"--copy-files: there is no folder {copy_files}.")
        done = asyncio.run(migrate_source(settings, options))
    except UsageError as error:
        print(f"aimo: {error}", file=sys.stderr)
        sys.exit(2)
    except VectorStoreError as error:
        print(f"aimo: {error}. Nothing is lost: run the same command again to go on.", file=sys.stderr)
        sys.exit(1)
    if report:
        report.write_text(json.dumps(done.content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print_report(done)
    sys.exit(done.exit_code)


async def migrate_source(settings: Settings, options: Options) -> Report:
    """Open source and target, migrate or verify as the options say, and close everything.

    Raises:
        UsageError: the options cannot be meant.
        ConfigurationError: the installation cannot work, or the vectors come from another model.
        VectorStoreError: source or target cannot be read or written.
    """
    if same_place(options.source, settings.lancedb_uri):
        raise UsageError("--source must differ from the configured LanceDB folder, which is the target.")
    storage_options = _source_options(settings, options.source)
    source = await LegacySource.open(options.source, storage_options=storage_options)
    embedder = create_embedder(settings)
    configured = Model(embedder.model, embedder.dimension, embedder.cache_model("passage"))
    try:
        chosen = await choose_model(source, options, configured)
        dimension = chosen["dimension"]
        attachments = dimension_of(source.tables.get("attachments"), "multimodalEmbedding")
        async with _target(settings, options, Model(chosen["name"], dimension, ""), attachments) as target:
            with watching() as progress:
                migration = Migration(
                    options,
                    target,
                    source,
                    model=chosen,
                    storage_options=storage_options,
                    progress=progress,
                )
                report = await migration.run()
        if options.purge_source:
            await _purge(source, report)
        return report
    finally:
        source.close()
        await embedder.close()


@asynccontextmanager
async def _target(settings: Settings, options: Options, model: Model, attachments: int | None) -> AsyncIterator[Target]:
    """Open what is written to; in a dry run, a copy of it."""
    if options.dry_run:
        async with rehearsal(settings) as database:
            yield Target(database, None, None)
        return
    database = await Database.open(settings)
    try:
        await schema_migrations.prepare(database, settings)
        async with _alone(database, needed=not options.verify_only):
            sizes: Any = {} if attachments is None else {"multimodal_dimension": attachments}
            vectors = await VectorStore.open(
                settings.lancedb_uri,
                model=model.name,
                dimension=model.dimension,
                storage_options=lancedb_options(settings),
                retention_days=settings.lancedb_version_retention_days,
                **sizes,
            )
            storage = LocalStorage(settings.attachments_dir, FileSigner(""))
            try:
                if settings.attachment_storage_type == "local" and not options.verify_only:
                    await storage.prepare()
                yield Target(database, vectors, storage)
            finally:
                await storage.close()
                await vectors.close()
    finally:
        await database.close()


@asynccontextmanager
async def _alone(database: Database, *, needed: bool) -> AsyncIterator[None]:
    """Be the only writer of LanceDB for as long as this lasts: no server, and no other migration."""
    if not needed:
        yield
        return
    lease = Lease(database, "lancedb-writer")
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


def _source_options(settings: Settings, source: str) -> dict[str, str] | None:
    if "://" not in source:
        return None
    return s3_options(
        endpoint=settings.lancedb_s3_endpoint,
        region=settings.aws_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key.get_secret_value(),
    )


async def _purge(source: LegacySource, report: Report) -> None:
    """Delete the old tables, once everything in them has arrived."""
    if report.exit_code != 0 or report.content["changed_since"]:
        console.print("The old tables stay: only a validated run without quarantine lets them go.")
        return
    names = [name for name in source.tables if name in KNOWN]
    await source.drop(names)
    report.content["purged"] = names
    console.print(f"Deleted the old tables {', '.join(names)}.")
