"""``aimo models``: look after the keys of users' models."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from aimo import audit
from aimo.audit import Event
from aimo.cli.prepared_settings import prepared_settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.services.models.key_cipher import KeyCipher
from aimo.services.models.key_rotation import RotatedKeys, rotate
from aimo.signing_secret import signing_secret

app = App(name="models", help="Look after the keys of users' models.")
console = Console()

_LONGEST_SECRET = 64 * 1024


@app.command(name="rotate-key")
def rotate_key(
    *,
    old_secret_file: Annotated[
        Path, Parameter(help="A file that holds the JWT_SECRET of before, such as the old `data/jwt_secret`.")
    ],
) -> None:
    """Encrypt users' keys again after JWT_SECRET has changed; set the new one first.

    It may be repeated, also beside a running server. Keys that neither secret can read stay as they are.
    """
    old = KeyCipher(_secret_in(old_secret_file))
    settings = prepared_settings(rows_only=True)
    new = KeyCipher(signing_secret(settings))

    async def work() -> RotatedKeys:
        database = await Database.open(settings)
        try:
            await migrate.prepare(database, settings)
            return await rotate(database, old, new)
        finally:
            await database.close()

    with audit.attempt(Event.MODEL_KEYS, operator=os.getuid()):
        result = asyncio.run(work())
    console.print(f"{result.rotated} keys were encrypted again, {result.current} could be read already.")
    if result.unreadable:
        console.print(
            f"{result.unreadable} keys cannot be read with either secret: their users must enter them again, or "
            "run this once more with an older secret."
        )


def _secret_in(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            secret = opened.read(_LONGEST_SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"The old secret cannot be read from {file}: {reason}.") from error
    if not secret:
        raise ConfigurationError(f"{file} is empty: it must hold the JWT_SECRET of before.")
    return secret
