"""``aimo migrate-data``: move the database of the existing server into this one (MIGRATION.md)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from aimo import audit, config, log
from aimo.audit import Event, Outcome
from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.legacy.plan.options import Options, UsageError
from aimo.writable import refusal, require_writable


def migrate_data(
    *,
    source: Annotated[
        str | None,
        Parameter(help="The old server's LanceDB folder, s3://bucket/prefix, or mysql://USER@HOST/DATABASE."),
    ] = None,
    vectors: Annotated[str | None, Parameter(help="LanceDB folder or s3:// address beside a MySQL source.")] = None,
    source_zone: Annotated[
        str | None, Parameter(help="Zone of the old server's MySQL sessions, where it is not UTC.")
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Read and check everything, write nothing.", negative="")] = False,
    batch_size: Annotated[int, Parameter(help="Rows in one batch.")] = 100,
    table: Annotated[tuple[str, ...], Parameter(help="Only this table; may be given several times.")] = (),
    verify_only: Annotated[bool, Parameter(help="Compare source and target, write nothing.", negative="")] = False,
    resume: Annotated[
        bool, Parameter(help="Go on with an interrupted run, as happens by itself, too.", negative="")
    ] = False,
    model: Annotated[str | None, Parameter(help="Keep the vectors under this model's name.")] = None,
    reembed: Annotated[bool, Parameter(help="Embed every memo again by the configured model.", negative="")] = False,
    join_accounts: Annotated[
        bool, Parameter(help="Join accounts that have the same e-mail in source and target.", negative="")
    ] = False,
    copy_files: Annotated[str | None, Parameter(help="Folder of the old server's files, to copy.")] = None,
    report: Annotated[Path | None, Parameter(help="Write the report to this file, as JSON.")] = None,
    purge_source: Annotated[bool, Parameter(help="Delete the old tables after a valid run.", negative="")] = False,
) -> None:
    """Move a database of the existing server into this one, and prove that it arrived.

    Exit codes: 0 validated, 3 validated with rows in quarantine or warnings, 1 failed, incomplete or mismatched,
    2 wrong usage.
    """
    settings = config.load()
    log.configure(settings)
    try:
        if not source:
            raise UsageError(
                "--source is required: the old server's LanceDB folder, s3://bucket/prefix, or mysql://USER@HOST/DATABASE."
            )
        options = Options(
            source=source.rstrip("/") if "://" in source else str(Path(source).resolve()),
            batch=batch_size,
            tables=table,
            dry_run=dry_run,
            verify_only=verify_only,
            resume=resume,
            model=model,
            reembed=reembed,
            join_accounts=join_accounts,
            copy_files=copy_files,
            purge_source=purge_source,
            vectors=vectors if vectors is None or "://" in vectors else str(Path(vectors).resolve()),
            source_zone=source_zone,
        )
        options.check(settings.lancedb_uri)
        if options.is_relational:
            _check_address(options.source)
        if report and not report.absolute().parent.is_dir():
            raise UsageError(f"--report: there is no folder {report.parent}.")
        if report and report.is_dir():
            raise UsageError(f"--report: {report} is a folder; give the name of a file in it.")
        if report and not os.access(report if report.exists() else report.absolute().parent, os.W_OK):
            raise UsageError(f"--report: {report} cannot be written by this user.")
        if not (dry_run or verify_only):
            for warning in require_writable(settings):
                print(f"aimo: {warning}", file=sys.stderr)
        code = _run(settings, options, report)
    except UsageError as error:
        print(f"aimo: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


def _check_address(address: str) -> None:
    from aimo.db.mysql_source import parse_address

    try:
        parse_address(address)
    except ConfigurationError as error:
        raise UsageError(str(error)) from None


def _run(settings: Settings, options: Options, path: Path | None) -> int:
    """Do it, report on it, and answer the exit code."""
    # Imported once the options make sense: the engines take seconds.
    from sqlalchemy.exc import DBAPIError

    from aimo.cli.migration_output import print_report
    from aimo.cli.migration_run import migrate_source
    from aimo.db.connection_errors import advice
    from aimo.legacy import memory_limits as memory
    from aimo.vectors.errors import VectorStoreError

    memory.bound()
    outcome = Outcome.ERROR
    try:
        report = asyncio.run(migrate_source(settings, options))
        outcome = Outcome.ERROR if report.exit_code == 1 else Outcome.OK
    except Exception as error:
        if isinstance(error, ConfigurationError) or not isinstance(error, VectorStoreError | DBAPIError | OSError):
            raise
        reason = " ".join(advice(error).split()) if isinstance(error, DBAPIError) else str(error)
        print(f"aimo: {reason}. Nothing is lost: run the same command again to go on.", file=sys.stderr)
        return 1
    finally:
        if not (options.dry_run or options.verify_only):
            audit.record(Event.MIGRATION, outcome, operator=os.getuid())
    if path:
        try:
            path.write_text(json.dumps(report.content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            print_report(report)
            print(f"aimo: the report could not be written: {refusal(path, error)}", file=sys.stderr)
            return 1
    print_report(report)
    return report.exit_code
