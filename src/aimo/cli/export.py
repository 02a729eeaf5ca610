"""``aimo export``: everything of one user (docs/export.md)."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from aimo import audit
from aimo.audit import Event
from aimo.cli.prepared_settings import prepared_settings
from aimo.clock import to_ms
from aimo.config import Settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.errors import AimoError, ConfigurationError
from aimo.services.accounts.lookup import require_uid
from aimo.services.backup.atomic_file import NewArchiveFile
from aimo.services.backup.error_text import reason
from aimo.services.export.collected import ExportOptions
from aimo.services.export.entries import Entries
from aimo.services.export.mirror import Mirror
from aimo.services.export.service import ExportService
from aimo.services.export.zip_stream import zipped
from aimo.signing_secret import signing_secret
from aimo.storage.chosen import create_storage
from aimo.storage.local import in_thread
from aimo.storage.protocol import StorageError
from aimo.storage.signing import FileSigner
from aimo.vectors.errors import VectorStoreError

console = Console()


def export(
    email: Annotated[str, Parameter(help="E-mail of the user.")],
    target: Annotated[Path, Parameter(help="The zip to write, which must not be there yet; or the folder to update.")],
    *,
    mirror: Annotated[bool, Parameter(help="Update a folder in place.", negative="")] = False,
    since: Annotated[datetime | None, Parameter(help="Only memos created since then.")] = None,
    until: Annotated[datetime | None, Parameter(help="Only memos created until then.")] = None,
    category: Annotated[str | None, Parameter(help="Only memos of the category of this name.")] = None,
    tag: Annotated[tuple[str, ...], Parameter(help="Only memos with this tag; repeat it for more.")] = (),
    trash: Annotated[bool, Parameter(help="Whether memos in the trash come along.")] = True,
    links: Annotated[Literal["markdown", "wiki"], Parameter(help="How attachments are linked.")] = "markdown",
) -> None:
    """Write all memos and attachments of one user into a zip, or into a folder of Markdown with --mirror."""
    settings = prepared_settings(rows_only=True)
    options = ExportOptions(
        since=_ms(since, settings),
        until=_ms(until, settings),
        category=category,
        tags=tag,
        trash=trash,
        links=links,
    )
    if not mirror and os.path.lexists(target):
        raise ConfigurationError(f"{target} exists already; nothing was changed.")
    with audit.attempt(Event.EXPORT, operator=os.getuid()):
        try:
            asyncio.run(_export(settings, email, options, target, mirror=mirror))
        except AimoError as error:
            raise ConfigurationError(f"{error.message}.") from error
        except (OSError, StorageError, SQLAlchemyError, VectorStoreError) as error:
            raise ConfigurationError(f"The export failed: {reason(error)}.") from error


async def _export(settings: Settings, email: str, options: ExportOptions, target: Path, *, mirror: bool) -> None:
    storage = create_storage(settings, FileSigner(signing_secret(settings)))
    database = await Database.open(settings)
    try:
        await migrate.prepare(database, settings)
        await storage.prepare()
        uid = await require_uid(database, email)
        folder = Mirror(target, uid) if mirror else None
        exports = ExportService(database, storage, zone=settings.zone)
        async with exports.entries(uid, options) as (entries, collected):
            if folder:
                done = await folder.update(entries)
                console.print(
                    f"{done.written} files written, {done.removed} removed, {done.unchanged} left as they were.",
                    soft_wrap=True,
                )
                for path in done.kept:
                    console.print(f"Kept, since it was changed here: {path}", markup=False, soft_wrap=True)
            else:
                await _write(entries, target, settings)
            for name in entries.missing:
                console.print(f"Missing in the storage: {name}", markup=False, soft_wrap=True)
            console.print(f"{len(collected.paths)} memos, {len(collected.attachments)} attachments: {target}")
    finally:
        await storage.close()
        await database.close()


async def _write(entries: Entries, target: Path, settings: Settings) -> None:
    """Write a new zip; nothing is left of one that cannot be finished."""
    archive = NewArchiveFile(target)
    try:
        async for chunk in zipped(entries.all(), target.name.removesuffix(".zip"), settings.zone):
            await in_thread(archive.file.write, chunk)
        archive.publish()
    except BaseException:
        archive.discard()
        raise


def _ms(moment: datetime | None, settings: Settings) -> int | None:
    if moment is None:
        return None
    there = moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)
    return to_ms(there.astimezone(UTC).replace(tzinfo=None))
