"""``aimo attachments``: look after stored files."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress, TextColumn

from aimo import config
from aimo.cli.prepared_settings import prepared_settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.services.attachments import content_type_update as relabelling
from aimo.services.attachments.content_type_update import RelabelReport
from aimo.services.attachments.storage_move import FileMove, MoveReport
from aimo.storage.buckets import configured_bucket
from aimo.storage.local import LocalStorage
from aimo.storage.object_store import RemoteStorage
from aimo.storage.protocol import Storage
from aimo.storage.signing import FileSigner

app = App(name="attachments", help="Move stored files between local disk, S3 and OSS.")
console = Console()

Place = Literal["local", "s3", "oss"]


@app.command
def move(
    *,
    source: Annotated[Place, Parameter(name="--from", help="Where the files are.")],
    target: Annotated[Place, Parameter(name="--to", help="Where they shall be.")],
    verify: Annotated[bool, Parameter(help="Read all of them again when they are there.", negative="")] = False,
    delete_source: Annotated[
        bool, Parameter(help="Remove in the old place what the new one has.", negative="")
    ] = False,
) -> None:
    """Move all attachments and users' pictures to another storage, while the server runs or not.

    Both are configured by the ATTACHMENT_ variables. Each file is read back before its row names the new place.
    Stopping or killing it loses nothing: run it again. Exit code 3: some files are missing or could not be moved.
    """
    settings = prepared_settings(rows_only=True)
    if source == target:
        raise ConfigurationError("--from and --to are the same")
    report = asyncio.run(_move(settings, source, target, verify=verify, delete_source=delete_source))
    _print(report)
    if not report.complete:
        sys.exit(3)


async def _move(
    settings: config.Settings, source: Place, target: Place, *, verify: bool, delete_source: bool
) -> MoveReport:
    places = [create_place(settings, kind) for kind in (source, target)]
    for place in places:
        await place.prepare()
    database = await Database.open(settings)
    try:
        await migrate.prepare(database, settings)
        moving = FileMove(database, *places, scratch=places[1].scratch)
        steps = [("moving", moving.move)]
        steps += [("verifying", moving.verify)] if verify else []
        steps += [("removing", moving.remove_sources)] if delete_source else []
        with Progress(TextColumn("{task.description}: {task.completed} files"), console=console) as progress:
            for name, step in steps:
                task = progress.add_task(name, total=None)
                await step(lambda task=task: progress.advance(task))  # type: ignore[misc]
        return moving.report
    finally:
        await database.close()


@app.command
def relabel() -> None:
    """Correct the media type of objects in the configured bucket, so that no browser runs what a user uploaded.

    Objects stored by older releases may be shown as what their uploader said. Signed addresses override that;
    direct ones, of a public bucket, do not. Stopping it loses nothing. Exit code 3: some objects failed.
    """
    settings = prepared_settings(rows_only=True)
    kind = settings.attachment_storage_type
    if kind == "local":
        raise ConfigurationError("ATTACHMENT_STORAGE_TYPE is local: files of a folder have no stored media type")
    report = asyncio.run(_relabel(configured_bucket(settings, kind)))
    console.print(f"{report.seen} seen, {report.changed} corrected, {len(report.failed)} failed.", soft_wrap=True)
    _print_failed(report.failed)
    if report.failed:
        sys.exit(3)


async def _relabel(bucket: RemoteStorage) -> RelabelReport:
    await bucket.prepare()
    with Progress(TextColumn("{task.description}: {task.completed} objects"), console=console) as progress:
        task = progress.add_task("looking at", total=None)
        return await relabelling.relabel(bucket, lambda: progress.advance(task))


def create_place(settings: config.Settings, kind: Place) -> Storage:
    """Return a configured storage, whether it is the one in use or not."""
    if kind == "local":
        # Nobody asks this one for addresses: the key of their signatures does not matter.
        return LocalStorage(settings.attachments_dir, FileSigner(""))
    return configured_bucket(settings, kind)


def _print(report: MoveReport) -> None:
    console.print(
        f"{report.moved} moved, {report.already_there} were there already, {report.verified} verified, "
        f"{report.removed} removed from the old place, {len(report.missing)} missing, {len(report.failed)} failed.",
        soft_wrap=True,
    )
    for key in report.missing:
        console.print(f"missing: {key}", soft_wrap=True, markup=False)
    _print_failed(report.failed)


def _print_failed(failed: dict[str, str]) -> None:
    for key, reason in failed.items():
        console.print(f"failed: {key}: {reason}", soft_wrap=True, markup=False)
