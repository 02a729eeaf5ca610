"""Carries out ``aimo migrate-data``, from opening the source to the report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from aimo.cli.migration_output import console, progress_display
from aimo.cli.migration_target import open_database, open_target, source_options
from aimo.config import Settings
from aimo.db.mysql_source import is_same_database
from aimo.errors import ConfigurationError
from aimo.legacy.copy.runs import Runs
from aimo.legacy.migration import Migration, choose_model
from aimo.legacy.plan.options import KNOWN, VECTOR_TABLES, Options, UsageError
from aimo.legacy.report import MigrationReport
from aimo.legacy.source.model_finder import Model
from aimo.legacy.source.relational_source import RelationalOpener, RelationalSource
from aimo.runtime.providers import create_embedder
from aimo.vectors.legacy_source import LegacySource

Reopen = Callable[[Mapping[str, int]], Awaitable[LegacySource]]


async def migrate_source(settings: Settings, options: Options) -> MigrationReport:
    """Open source and target, migrate or verify as the options say, and close everything.

    Raises:
        UsageError: the options contradict what earlier runs did.
        ConfigurationError: the installation cannot work, there is nothing of the old server in the source, or the
            vectors come from another model.
        VectorStoreError: source or target cannot be read or written.
    """
    if options.is_relational:
        return await _migrate_relational(settings, options)
    storage_options = source_options(settings, options.source)
    source = await LegacySource.open(options.source, storage_options=storage_options)

    async def reopen(versions: Mapping[str, int]) -> LegacySource:
        return await LegacySource.open(options.source, storage_options=storage_options, versions=versions)

    return (await _migrate(settings, options, source, reopen))[0]


async def _migrate_relational(settings: Settings, options: Options) -> MigrationReport:
    """Migrate from MySQL: from a snapshot of its rows, which is kept until a run has come to its end."""
    if is_same_database(options.source, settings):
        raise UsageError("--source must differ from the configured database, which is the target.")
    with TemporaryDirectory(prefix="aimo-dry-run-") as scratch:
        folder = Path(scratch) if options.dry_run or options.verify_only else settings.aimo_data_dir
        storage_options = source_options(settings, options.vectors or "")
        opener = RelationalOpener(settings, options, folder, storage_options=storage_options)
        source = await opener.open()
        report, unfinished = await _migrate(settings, replace(options, source=opener.uri), source, opener.open)
        if not unfinished:
            opener.forget()
        return report


async def _migrate(
    settings: Settings, options: Options, source: LegacySource, reopen: Reopen
) -> tuple[MigrationReport, bool]:
    """Return the report, and whether a run was left unfinished."""
    embedder = create_embedder(settings)
    configured = Model(embedder.model, embedder.dimension, embedder.cache_model("passage"))
    try:
        _require_known_tables(source)
        async with open_database(settings, options) as database:
            runs = Runs(database, options.source)
            await runs.load()
            if isinstance(source, RelationalSource):
                source.remove_other_snapshots(runs.unfinished.versions if runs.unfinished else None)
            model = await choose_model(source, options, configured, runs)
            async with open_target(settings, options, database, source, model) as target:
                with progress_display() as progress:
                    migration = Migration(options, target, source, runs, model=model, reopen=reopen, progress=progress)
                    report = await migration.run()
        if options.purge_source:
            await _purge(source, report)
        return report, runs.unfinished is not None
    finally:
        source.close()
        await embedder.close()


def _require_known_tables(source: LegacySource) -> None:
    users, memos = source.tables.get("users"), source.tables.get("memos")
    theirs = users is not None and not users.rows and memos is not None and "deletedAt" in memos.schema.names
    if theirs and not isinstance(source, RelationalSource):
        raise ConfigurationError(
            f"{source.uri} is of a later release of the old server, which keeps its rows in MySQL and vectors alone "
            f"here: give --source mysql://USER@HOST/DATABASE --vectors {source.uri} (MIGRATION.md)."
        )
    if not source.tables.keys() & {*KNOWN, *VECTOR_TABLES}:
        raise ConfigurationError(
            f"{source.uri} holds none of the old server's tables, but {', '.join(source.tables)}: "
            "--source must name the old server's LanceDB folder."
        )


async def _purge(source: LegacySource, report: MigrationReport) -> None:
    """Delete the old tables, once everything in them has arrived."""
    content = report.content
    if report.exit_code != 0 or content["changed_since"]:
        console.print("The old tables stay: only a validated run without quarantine lets them go.")
        return
    left = [f"{name} ({values:,} values)" for name, values in content["columns_not_migrated"].items()]
    left += [f"{name} ({rows:,} rows)" for name, rows in content["not_migrated"].items() if rows]
    left += [name for name in source.tables if name in KNOWN and name not in content["versions"]]
    if left:
        console.print(
            f"The old tables stay: nothing else holds {', '.join(left)}.", markup=False, highlight=False, soft_wrap=True
        )
        report.exit_code = content["exit_code"] = 3
        return
    names = [name for name in source.tables if name in (*KNOWN, *VECTOR_TABLES)]
    await source.drop(names)
    report.content["purged"] = names
    console.print(f"Deleted the old tables {', '.join(names)}.")
