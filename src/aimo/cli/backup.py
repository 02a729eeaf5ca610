"""``aimo backup`` and ``aimo restore``: a whole installation in one file (docs/backup.md)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from aimo import audit
from aimo.audit import Event
from aimo.cli.prepared_settings import prepared_settings
from aimo.errors import ConfigurationError
from aimo.legacy import memory_limits as memory
from aimo.runtime import Runtime
from aimo.services.backup.error_text import reason
from aimo.services.backup.export import Backup, described
from aimo.services.backup.format import DamagedArchiveError, Summary
from aimo.services.backup.restore import Restore
from aimo.services.models.key_cipher import KeyCipher
from aimo.services.models.key_rotation import count_unreadable
from aimo.signing_secret import signing_secret
from aimo.storage.protocol import StorageError
from aimo.vectors.errors import VectorStoreError

console = Console()


def backup(
    file: Annotated[Path, Parameter(help="The file to write; there must be none of that name.")],
    *,
    vectors: Annotated[
        bool, Parameter(help="Also what can be made again from the embedding caches, so that search works at once.")
    ] = False,
) -> None:
    """Write rows, attachments and embedding caches into one file, also beside a running server."""

    async def work(runtime: Runtime) -> Summary:
        stores = runtime.stores
        writer = Backup(stores.database, stores.vectors, stores.embeddings.embedder, stores.storage)
        return await writer.write(file, vectors=vectors)

    if os.path.lexists(file):
        raise ConfigurationError(f"{file} exists already; nothing was changed.")
    if not file.parent.is_dir():
        raise ConfigurationError(f"There is no folder {file.parent}: make it first, or name another.")
    summary = _run("The backup failed", Event.BACKUP, work)
    _show(summary)
    for key in summary.missing_files:
        console.print(f"Missing in the storage: {key}", markup=False)
    console.print(f"Wrote {file}, {file.stat().st_size} bytes.")


def restore(file: Annotated[Path, Parameter(help="A file that `aimo backup` has written.")]) -> None:
    """Bring a backup into an empty installation, after verifying it; either kind of database will do."""
    if not file.is_file():
        raise ConfigurationError(f"There is no file {file}.")

    unreadable = 0

    async def work(runtime: Runtime) -> Summary:
        nonlocal unreadable
        stores = runtime.stores
        summary = await Restore(stores.database, stores.vectors, stores.storage).read(file)
        keys = KeyCipher(signing_secret(runtime.settings))
        unreadable = await count_unreadable(stores.database, keys)
        return summary

    _show(_run("Restoring failed", Event.RESTORE, work))
    if unreadable:
        console.print(
            f"{unreadable} keys of users' models are encrypted with another JWT_SECRET than the one that is set here. "
            "Set that one, or run `aimo models rotate-key --old-secret-file FILE`; else their users enter them again."
        )
    console.print(
        "All sessions of the backup have ended, since some may have been ended after it was made: users log in"
    )
    console.print(
        "again, and create new access tokens. Tokens of releases without sessions are valid as they were then; a new "
        "JWT_SECRET ends them."
    )
    console.print("Restored. The server makes memos findable as soon as it runs; `aimo sync run` does so now.")


def _run(failed: str, event: Event, work: Callable[[Runtime], Awaitable[Summary]]) -> Summary:
    settings = prepared_settings()
    memory.bound()

    async def main() -> Summary:
        async with Runtime(settings, worker=False) as runtime:
            return await work(runtime)

    with audit.attempt(event, operator=os.getuid()):
        try:
            return asyncio.run(main())
        except (OSError, StorageError, VectorStoreError, DamagedArchiveError, SQLAlchemyError) as error:
            raise ConfigurationError(f"{failed}: {reason(error)}.") from error


def _show(summary: Summary) -> None:
    table = Table("table", "rows")
    for name, rows in described(summary):
        table.add_row(name, str(rows))
    table.add_row("stored files", str(summary.files))
    console.print(table)
