"""Carries out ``aimo migrate-data``, from opening the source to the report."""

from __future__ import annotations

from aimo.cli.migration_output import console, progress_display
from aimo.cli.migration_target import open_database, open_target, source_options
from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.legacy.copy.runs import Runs
from aimo.legacy.migration import Migration, choose_model
from aimo.legacy.plan.options import KNOWN, VECTOR_TABLES, Options
from aimo.legacy.report import MigrationReport
from aimo.legacy.source.model_finder import Model
from aimo.runtime.providers import create_embedder
from aimo.vectors.legacy_source import LegacySource


async def migrate_source(settings: Settings, options: Options) -> MigrationReport:
    """Open source and target, migrate or verify as the options say, and close everything.

    Raises:
        UsageError: the options contradict what earlier runs did.
        ConfigurationError: the installation cannot work, there is nothing of the old server in the source, or the
            vectors come from another model.
        VectorStoreError: source or target cannot be read or written.
    """
    storage_options = source_options(settings, options.source)
    source = await LegacySource.open(options.source, storage_options=storage_options)
    embedder = create_embedder(settings)
    configured = Model(embedder.model, embedder.dimension, embedder.cache_model("passage"))
    try:
        _require_known_tables(source)
        async with open_database(settings, options) as database:
            runs = Runs(database, options.source)
            await runs.load()
            model = await choose_model(source, options, configured, runs)
            async with open_target(settings, options, database, source, model) as target:
                with progress_display() as progress:
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


def _require_known_tables(source: LegacySource) -> None:
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
