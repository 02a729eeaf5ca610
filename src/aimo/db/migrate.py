"""Schema migrations: Alembic, run on our own connection.

One process migrates at a time: on SQLite in one transaction, on MySQL holding a lock of the server. MySQL commits at
every step, so steps are guarded: a run that died half-way, and nodes of a cluster that do not know each other's locks,
end in the same schema.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import JSON, Column, Connection, Integer, MetaData, String, UniqueConstraint, inspect, select, text
from sqlalchemy import Table as CoreTable
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from aimo.config import Settings
from aimo.db import types
from aimo.db.connection import Database
from aimo.db.connection_errors import advice
from aimo.db.mysql_source import is_of_existing_server
from aimo.db.schema import Model
from aimo.errors import ConfigurationError

# Alembic itself is imported where there is something to migrate: every process looks, and few find anything.
if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)

_FOLDER = Path(__file__).parent / "migrations"
_ATTEMPTS = 6
_WAIT_SECONDS = 0.2

# How a process begins and ends its turn at migrating; it goes ahead when the lock of the server does not come.
_SQLITE_TURN = ("BEGIN IMMEDIATE", "COMMIT")
_MYSQL_TURN = (
    "DO GET_LOCK(CONCAT('aimo.migrate.', MD5(DATABASE())), 30)",
    "DO RELEASE_LOCK(CONCAT('aimo.migrate.', MD5(DATABASE())))",
)

# Alembic's note of where the schema is. Two processes that start on an empty database must not both make
# one, which would leave it at two revisions at once: `single_row` keeps it one.
_VERSION = CoreTable(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), primary_key=True),
    Column("single_row", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("single_row", name="uq_alembic_version_single_row"),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def configure_options(connection: Connection) -> dict[str, Any]:
    """Return how Alembic compares models with a database, and runs."""
    return {
        "target_metadata": Model.metadata,
        "transaction_per_migration": True,
        "render_as_batch": connection.dialect.name == "sqlite",
        "compare_type": _differs,
        "compare_server_default": False,
        "render_item": _render,
    }


def _differs(
    context: object, inspected: object, declared: object, inspected_type: object, declared_type: object
) -> bool | None:
    """MariaDB keeps JSON as LONGTEXT and everybody keeps booleans as TINYINT: no difference."""
    if isinstance(declared_type, JSON) and isinstance(inspected_type, mysql.LONGTEXT):
        return False
    return None


def _render(kind: str, item: object, context: object) -> str | bool:
    """Our own types by their names in a new revision; everything else as Alembic does."""
    for name in ("Id", "Prose", "Word", "Key", "Json", "Serial"):
        if item is getattr(types, name):
            return f"types.{name}"
    if kind == "type" and isinstance(item, types.Millis):
        return "types.Millis()"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), types.now_utc):
        return "types.now_utc()"
    return False


def known_revisions() -> list[str]:
    """Return all revisions of this release, oldest first: their files begin with their numbers."""
    return sorted(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
    return found


def _refuse_existing_server(connection: Connection) -> None:
    """Keep away from a database that the existing server's later releases fill: its tables have the same names."""
    inspector = inspect(connection)
    if connection.dialect.name == "sqlite":
        return
    names = set(inspector.get_table_names())
    users = {column["name"] for column in inspector.get_columns("users")} if "users" in names else set()
    if is_of_existing_server(names, users):
        url = connection.engine.url
        raise ConfigurationError(
            f"The database {url.database} belongs to the existing server: nothing was written to it. Give AIMO a "
            "database of its own (MYSQL_DATABASE, or DATABASE_URL) and bring the rows over with "
            f"`aimo migrate-data --source mysql://USER@{url.host}:{url.port or 3306}/{url.database} "
            "--vectors OLD_LANCEDB_PATH` (MIGRATION.md)."
        )


async def pending(database: Database) -> list[str]:
    """Return the revisions that the database still lacks.

    Raises:
        ConfigurationError: the database was written by a newer release, or belongs to the existing server.
    """
    async with database.engine.connect() as connection:
        await connection.run_sync(_refuse_existing_server)
        current = await connection.run_sync(_current)
    revisions = known_revisions()
    if current is None:
        return revisions
    if current not in revisions:
        raise ConfigurationError(
            f"The database is at schema revision {current}, which this release does not know (its newest is "
            f"{revisions[-1]}): it was written by a newer AIMO. Install that release or restore a backup."
        )
    return revisions[revisions.index(current) + 1 :]


async def migrate(database: Database) -> list[str]:
    """Bring the schema to this release and return the revisions that ran.

    Raises:
        ConfigurationError: the database was written by a newer release, or refuses a revision.
    """
    ran = missing = await pending(database)
    failures = 0
    while missing:
        try:
            await _upgrade_alone(database)
        except (DBAPIError, _Refused) as error:
            # Another process may be migrating at this very moment, for longer than we wait for it: look again.
            failures += 1
            if failures == _ATTEMPTS:
                raise ConfigurationError(f"The schema migration {missing[0]} failed: {advice(error)}") from error
            await asyncio.sleep(_WAIT_SECONDS * failures)
        left = await pending(database)
        if len(left) < len(missing):
            failures = 0
        missing = left
    if ran:
        log.info("schema migrated", revisions=len(ran), newest=ran[-1])
    return ran


class _Refused(Exception):
    """Alembic could not do its work."""


async def _upgrade_alone(database: Database) -> None:
    begin, end = _SQLITE_TURN if database.is_sqlite else _MYSQL_TURN
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(begin)
        try:
            await connection.run_sync(_upgrade)
        except BaseException:
            # What is left undone goes with the connection: the transaction, or the lock.
            await connection.invalidate()
            raise
        await connection.exec_driver_sql(end)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    if not inspect(connection).has_table(_VERSION.name):
        connection.execute(CreateTable(_VERSION, if_not_exists=True))
    try:
        command.upgrade(_config(connection), "head")
    except CommandError as error:
        raise _Refused(str(error)) from error


async def prepare(database: Database, settings: Settings) -> None:
    """Migrate the schema, or insist that somebody did.

    Raises:
        ConfigurationError: it is older than this release and AUTO_MIGRATE is false, or newer.
    """
    if settings.auto_migrate:
        await migrate(database)
        return
    missing = await pending(database)
    if missing:
        raise ConfigurationError(
            f"The database lacks {len(missing)} schema migrations and AUTO_MIGRATE is false: run `aimo migrate`."
        )


async def new_revision(database: Database, name: str) -> Path:
    """Write a revision with the differences between the models and the database, to be reviewed by hand.

    Raises:
        ConfigurationError: the database lacks revisions, so that it cannot be compared with the models.
    """
    if await pending(database):
        raise ConfigurationError("The database lacks schema migrations: run `aimo migrate` first.")
    from alembic import command

    revision = f"{int(known_revisions()[-1]) + 1:04d}"
    async with database.engine.connect() as connection:
        script = await connection.run_sync(
            lambda sync: command.revision(_config(sync), message=name, autogenerate=True, rev_id=revision)
        )
    return Path(script.path)  # type: ignore[union-attr]
