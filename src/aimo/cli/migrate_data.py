"""``aimo migrate-data``: move the database of the existing server into this one (MIGRATION.md)."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from aimo import config, log
from aimo.cli.migration_target import open_database, open_target, source_options
from aimo.cli.migration_view import console, print_report, watching
from aimo.config import Settings
from aimo.db.outages import is_outage
from aimo.legacy import memory
from aimo.legacy.migration import Migration, choose_model
from aimo.legacy.model_finder import Model
from aimo.legacy.plan import KNOWN, VECTOR_TABLES, Options, UsageError
from aimo.legacy.report import Report
from aimo.legacy.runs import Runs
from aimo.runtime import create_embedder
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.legacy_source import LegacySource, same_place


def migrate_data(
    *,
    source: Annotated[str | None, Parameter(help="The old server's LanceDB folder, or s3://bucket/prefix.")] = None,
    dry_run: Annotated[bool, Parameter(help="Read and check everything, write nothing.", negative="")] = False,
    batch_size: Annotated[int, Parameter(help="Rows in one batch.")] = 100,
    table: Annotated[tuple[str, ...], Parameter(help="Only this table; may be given several times.")] = (),
    verify_only: Annotated[bool, Parameter(help="Compare source and target, write nothing.", negative="")] = False,
    resume: Annotated[
        bool, Parameter(help="Go on with an interrupted run, as happens by itself, too.", negative="")
    ] = False,
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
        if "://" not in source and not Path(source).is_dir():
            raise UsageError(f"--source: there is no folder {source}.")
        if report and not report.absolute().parent.is_dir():
            raise UsageError(f"--report: there is no folder {report.parent}.")
        done = asyncio.run(migrate_source(settings, options))
    except UsageError as error:
        print(f"aimo: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if not isinstance(error, VectorStoreError) and not is_outage(error):
            raise
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
    storage_options = source_options(settings, options.source)
    source = await LegacySource.open(options.source, storage_options=storage_options)
    embedder = create_embedder(settings)
    configured = Model(embedder.model, embedder.dimension, embedder.cache_model("passage"))
    try:
        async with open_database(settings, options) as database:
            runs = Runs(database, options.source)
            await runs.load()
            model = await choose_model(source, options, configured, runs)
            async with open_target(settings, options, database, source, model) as target:
                with watching() as progress:
                    migration = Migration(
                        options, target, source, runs, model=model, storage_options=storage_options, progress=progress
                    )
                    report = await migration.run()
        if options.purge_source:
            await _purge(source, report)
        return report
    finally:
        source.close()
        await embedder.close()


async def _purge(source: LegacySource, report: Report) -> None:
    """Delete the old tables, once everything in them has arrived."""
    if report.exit_code != 0 or report.content["changed_since"]:
        console.print("The old tables stay: only a validated run without quarantine lets them go.")
        return
    names = [name for name in source.tables if name in (*KNOWN, *VECTOR_TABLES)]
    await source.drop(names)
    report.content["purged"] = names
    console.print(f"Deleted the old tables {', '.join(names)}.")
