"""Reads the MySQL database of the existing server's later releases, and never writes to it.

See docs/contract/source-database.md#relational-sources. Nothing but the right to SELECT is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL
from sqlalchemy.engine import make_url

from aimo.config import Settings
from aimo.db.connection import database_url
from aimo.db.connection_errors import advice
from aimo.db.mysql_connector import mysql_connector
from aimo.errors import ConfigurationError

JOURNAL = "__drizzle_migrations"
"""The table by which the existing server's migrations are known."""

PAGE = 1000
_SECONDS = 120.0
_WHOLE = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "bit", "boolean"})
_REAL = frozenset({"float", "double", "decimal"})
# Read as text: a driver would give times a type of its own, and read JSON in its own way.
_AS_TEXT = frozenset({"timestamp", "datetime", "date", "time", "json"})
_SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


class SourceUnavailableError(ConfigurationError):
    """The source's database does not answer, refuses the user, or lost the connection."""


@dataclass(frozen=True)
class SourceColumn:
    """A column: its name in the database, and what its values are here: ``int``, ``float`` or ``str``."""

    name: str
    type: type[int] | type[float] | type[str]
    as_text: bool = False


def parse_address(address: str) -> URL:
    """Return the parts of ``mysql://user@host:port/database``.

    Raises:
        ConfigurationError: it is no such address.
    """
    form = "--source must be mysql://USER@HOST:PORT/DATABASE"
    try:
        url = make_url(address)
    except Exception as error:
        raise ConfigurationError(f"{form}: the address cannot be read.") from error
    if url.drivername not in ("mysql", "mariadb"):
        raise ConfigurationError(f"{form}: it begins with {url.drivername}://.")
    missing = [
        what for what, value in (("HOST", url.host), ("USER", url.username), ("DATABASE", url.database)) if not value
    ]
    if missing:
        raise ConfigurationError(f"{form}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    if url.query:
        raise ConfigurationError(
            f"{form}: what follows the question mark is not understood; encryption is chosen by MYSQL_SSL_MODE."
        )
    return url


def public_address(address: str) -> str:
    """Return an address as it may be shown and kept: without the password."""
    url = parse_address(address)
    return f"mysql://{url.username}@{url.host}:{url.port or 3306}/{url.database}"


def is_same_database(address: str, settings: Settings) -> bool:
    """Return whether an address names the database that these settings do, as far as names tell."""
    if not settings.uses_mysql:
        return False
    url, target = parse_address(address), database_url(settings)
    local = {"localhost", "127.0.0.1", "::1"}
    hosts = url.host == target.host or {url.host, target.host} <= local
    return hosts and (url.port or 3306) == (target.port or 3306) and url.database == target.database


class MySQLSource:
    """One connection in one read-only transaction, which sees the moment at which it was opened."""

    def __init__(self, connection: Any, address: str, columns: dict[str, list[SourceColumn]], zone: str) -> None:
        self.address = address
        self.columns = columns
        self.zone = zone
        self._connection = connection

    @classmethod
    async def open(cls, settings: Settings, address: str, password: str, *, utc: bool = False) -> MySQLSource:
        """Connect as the address says, with the encryption that the settings say, and begin the transaction.

        ``utc`` reads moments as UTC; else as texts of the zone that sessions have by default, as the old server did.

        Raises:
            SourceUnavailableError: the database does not answer, or refuses; the text says what to do.
        """
        url = parse_address(address)
        theirs = {
            "mysql_host": url.host,
            "mysql_port": url.port or 3306,
            "mysql_user": url.username,
            "mysql_password": type(settings.mysql_password)(url.password or password),
            "mysql_database": url.database,
        }
        nearby = settings.model_copy(update=theirs)
        where = public_address(address)
        try:
            connection: Any = await mysql_connector(nearby, database_url(nearby))()
        except Exception as error:
            raise SourceUnavailableError(f"The source {where} cannot be read: {advice(error)}") from error
        source = cls(connection, where, {}, "")
        try:
            for statement in _SESSION:
                await source._run(statement)
            source.columns = await source._describe()
            source.zone = await source._session_zone()
            if utc:
                await source._run("SET SESSION time_zone = '+00:00'")
        except BaseException:
            source.close()
            raise
        return source

    async def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return int((await self._run(f"SELECT COUNT(*) FROM {_quoted(table)}"))[0][0])  # noqa: S608 (quoted)

    async def pages(self, table: str, key: str) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Yield all rows of a table, in the order of its primary key ``key``; columns as in ``columns``.

        Raises:
            SourceUnavailableError: the database went away.
        """
        columns = self.columns[table]
        wanted = ", ".join(f"CAST({_quoted(c.name)} AS CHAR)" if c.as_text else _quoted(c.name) for c in columns)
        place = next(i for i, column in enumerate(columns) if column.name == key)
        after: object = None
        while True:
            where = "" if after is None else f"WHERE {_quoted(key)} > %s "
            rows = await self._run(
                f"SELECT {wanted} FROM {_quoted(table)} {where}ORDER BY {_quoted(key)} LIMIT {PAGE}",  # noqa: S608 (quoted)
                None if after is None else (after,),
            )
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            after = rows[-1][place]

    def close(self) -> None:
        """End the connection, and the transaction with it."""
        self._connection.close()

    async def _describe(self) -> dict[str, list[SourceColumn]]:
        rows = await self._run(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS "
            "WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION"
        )
        tables: dict[str, list[SourceColumn]] = {}
        for table, name, data_type in rows:
            kind = str(data_type).lower()
            type_: Any = int if kind in _WHOLE else float if kind in _REAL else str
            tables.setdefault(str(table), []).append(SourceColumn(str(name), type_, kind in _AS_TEXT))
        return tables

    async def _session_zone(self) -> str:
        """Return how far the session's clock is from UTC, as ``+08:00``."""
        seconds = (await self._run("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW())"))[0][0]
        minutes = round(int(seconds) / 15) * 15
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

    async def _run(self, statement: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(_SECONDS), self._connection.cursor() as cursor:
                await cursor.execute(statement, parameters)
                return list(await cursor.fetchall())
        except Exception as error:
            raise SourceUnavailableError(f"Reading the source {self.address} failed: {advice(error)}") from error


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def is_of_existing_server(tables: Collection[str], users: Collection[str]) -> bool:
    """Return whether these tables, and the columns of ``users``, are those of the existing server, not of this one."""
    return (JOURNAL in tables or "users" in tables) and "email_key" not in users
