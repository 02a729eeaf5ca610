"""``aimo migrate``, ``aimo db`` and ``aimo seed``: looking after the relational database."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from aimo import audit, config
from aimo.audit import Event
from aimo.cli.demo_data import plant
from aimo.cli.prepared_settings import prepared_settings
from aimo.db import migrate as migrations
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.runtime import Runtime

console = Console()
db_app = App(name="db", help="Look into the relational database.")


def migrate(
    *, new: Annotated[str | None, Parameter(help="Write a revision of this name from the models instead.")] = None
) -> None:
    """Bring the database's schema to this release."""
    settings = prepared_settings(rows_only=True)
    asyncio.run(_migrate(settings, new))


async def _migrate(settings: config.Settings, new: str | None) -> None:
    database = await Database.open(settings)
    try:
        if new is not None:
            console.print(f"Wrote {await migrations.new_revision(database, new)}; review it before you commit it.")
            return
        ran = await migrations.migrate(database)
        console.print(f"{len(ran)} migrations ran." if ran else "The schema is up to date.")
    finally:
        await database.close()


@db_app.command
def shell() -> None:
    """Open a client on the database: `mariadb` or `mysql`, or `sqlite3` for the embedded one."""
    settings = config.load()
    if settings.uses_mysql:
        client = _find_program("mariadb", "mysql")
        # The password goes through the environment: arguments are for everybody to see.
        os.environ["MYSQL_PWD"] = settings.mysql_password.get_secret_value()
        # Without --protocol the client takes localhost for a socket and forgets the port.
        where = ["--protocol=TCP", "-h", settings.mysql_host or "localhost", "-P", str(settings.mysql_port)]
        where += ["-u", settings.mysql_user]
        os.execv(client, [client, *where, settings.mysql_database or "aimo"])  # noqa: S606 (no shell)
    client = _find_program("sqlite3")
    os.execv(client, [client, str(settings.sqlite_path)])  # noqa: S606 (no shell)


def _find_program(*names: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise ConfigurationError(f"No database client found: install one of {', '.join(names)}.")


def seed(
    *,
    email: Annotated[str, Parameter(help="E-mail of the demo user.")] = "demo@example.org",
    password: Annotated[str, Parameter(help="Its password; one is generated when absent.")] = "",
) -> None:
    """Create a demo user with memos, tags, categories and relations."""
    settings = prepared_settings()
    with audit.attempt(Event.SEED, operator=os.getuid()):
        # Nobody else may know it, on a public server either.
        asyncio.run(_seed(settings, email, password or secrets.token_urlsafe(12)))


async def _seed(settings: config.Settings, email: str, password: str) -> None:
    async with Runtime(settings) as runtime:
        memos = await plant(runtime.services, email, password)
    console.print(f"Made {memos} memos of {email}, password {password}.")
