"""The engine and its pool: 2 warm connections, at most 10, idle ones closed (docs/decisions/28-connection-pool.md).

Connections run in AUTOCOMMIT: a read costs no extra round trip. Writes open their transaction
explicitly, see `aimo.db.transaction`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import URL, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from aimo.config import Settings
from aimo.db.connection_errors import advice, number_of
from aimo.db.driver_reads import PooledConnection
from aimo.db.failure_log import FailureLog
from aimo.db.mysql_connector import CONNECT_SECONDS, mysql_connector
from aimo.db.packet_size import refuse_larger_statements
from aimo.db.refusals import watch_for_refusals
from aimo.db.slow_log import slow_log
from aimo.db.warm_pool import WarmPool
from aimo.errors import ConfigurationError

log = structlog.get_logger(__name__)

WARM_CONNECTIONS = 2
READ_SECONDS = 30.0
LOCK_SECONDS: Final = 10
"""How long a statement waits for a lock of another session: on rows, tables, or the whole server as backups take it."""

_MYSQL_SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', "
    f"innodb_lock_wait_timeout = {LOCK_SECONDS}, lock_wait_timeout = {LOCK_SECONDS}",
)
# A node of a Galera cluster answers when it has what any other node has committed: reads, updates and inserts.
# https://mariadb.com/kb/en/galera-cluster-system-variables/#wsrep_sync_wait
_IS_IN_GALERA = "SHOW VARIABLES LIKE 'wsrep_on'"
_GALERA_SESSION = "SET SESSION wsrep_sync_wait = 7"
_SQLITE_SESSION = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {CONNECT_SECONDS * 1000}",
)


@dataclass(frozen=True)
class PoolStatus:
    """How many connections the pool has open, lent out and at most."""

    open: int
    in_use: int
    limit: int


def database_url(settings: Settings) -> URL:
    """Return where the rows live, with the password inside."""
    if not settings.uses_mysql:
        return make_url("sqlite+aiosqlite://").set(database=str(settings.sqlite_path))
    return URL.create(
        f"mysql+{settings.mysql_driver}",
        username=settings.mysql_user,
        password=settings.mysql_password.get_secret_value(),
        host=settings.mysql_host or "localhost",
        port=settings.mysql_port,
        database=settings.mysql_database or "aimo",
        query={"charset": "utf8mb4"},
    )


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for statement in _SQLITE_SESSION:
        cursor.execute(statement)
    cursor.close()


def _prepare_mysql(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for statement in _MYSQL_SESSION:
        cursor.execute(statement)
    cursor.execute(_IS_IN_GALERA)
    if cursor.fetchone() == ("wsrep_on", "ON"):
        cursor.execute(_GALERA_SESSION)
    cursor.close()


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _create_engine(settings: Settings) -> tuple[AsyncEngine, WarmPool]:
    mysql = settings.uses_mysql
    engine = create_async_engine(
        database_url(settings),
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        hide_parameters=True,
        json_serializer=_encode,
        json_deserializer=msgspec.json.decode,
        poolclass=WarmPool,
        pool_size=settings.mysql_connection_limit,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=3600,
        pool_use_lifo=True,
        pool_reset_on_return=None,
        **(
            {"async_creator": mysql_connector(settings, database_url(settings))}
            if mysql
            else {"connect_args": {"timeout": CONNECT_SECONDS}}
        ),
    )
    pool = engine.pool
    assert isinstance(pool, WarmPool)
    pool.watch(engine.sync_engine)
    watch_for_refusals(engine.sync_engine)
    if mysql:
        refuse_larger_statements(engine.sync_engine)
    # First of all listeners: SQLAlchemy finds out how to quote from the session's sql_mode.
    event.listen(engine.sync_engine, "connect", _prepare_mysql if mysql else _prepare_sqlite, insert=True)
    return engine, pool


class Database:
    """The relational database of one process; open it with `Database.open`."""

    def __init__(self, settings: Settings) -> None:
        self.engine, self._pool = _create_engine(settings)
        self.is_sqlite = not settings.uses_mysql
        self.write_lock = asyncio.Lock()
        if not settings.production:
            slow_log.watch(self.engine.sync_engine)
        self._limit = settings.mysql_connection_limit
        self._idle_seconds = settings.database_idle_seconds
        self._reaper: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: Settings) -> Database:
        """Connect, warm the pool up and log its numbers.

        Raises:
            ConfigurationError: the database does not answer or refuses the user; the text says what to do.
        """
        database = cls(settings)
        where = database.engine.url.render_as_string()
        try:
            if database.is_sqlite:
                settings.sqlite_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await database._warm_up()
        except Exception as error:
            await database.engine.dispose()
            raise ConfigurationError(f"The database {where} cannot be used: {advice(error)}") from error
        database._reaper = asyncio.create_task(database._close_idle_connections_periodically(), name="pool-reaper")
        log.info("database pool opened", database=where, **database.pool_counts())
        return database

    @asynccontextmanager
    async def reads(self, *, seconds: float = READ_SECONDS) -> AsyncIterator[AsyncConnection]:
        """Provide a connection for reading; each statement stands for itself.

        Raises:
            TimeoutError: it was held longer than ``seconds``, as when the database hangs.
        """
        async with asyncio.timeout(seconds):
            connection = await self.engine.connect()
            try:
                yield connection
            finally:
                # Not `async with`: that closes in a task of its own, in case it is cancelled in the middle.
                # Giving back a connection without a transaction waits for nothing, so it cannot be.
                await connection.close()

    @asynccontextmanager
    async def driver_connection(self, *, seconds: float = READ_SECONDS) -> AsyncIterator[PooledConnection]:
        """As `reads`, for `aimo.db.driver_reads` alone: lending it costs half the time.

        Raises:
            TimeoutError: it was held longer than ``seconds``, as when the database hangs.
        """
        async with asyncio.timeout(seconds):
            lent = await greenlet_spawn(self._pool.connect)
            connection = PooledConnection(self._lend_proven, lent, self.engine.dialect)
            try:
                yield connection
            finally:
                connection.give_back()

    def _lend_proven(self) -> PoolProxiedConnection:
        self._pool.doubt()
        return self._pool.connect()

    def pool_status(self) -> PoolStatus:
        """Return the pool's numbers right now."""
        return PoolStatus(open=self._pool.open_connections, in_use=self._pool.checkedout(), limit=self._limit)

    def pool_counts(self) -> dict[str, int]:
        """Return the pool's numbers by name, for logs and the readiness route."""
        status = self.pool_status()
        return {"open": status.open, "in_use": status.in_use, "limit": status.limit}

    async def close(self) -> None:
        """Close every connection; nothing may be running any more."""
        if self._reaper:
            self._reaper.cancel()
            await asyncio.gather(self._reaper, return_exceptions=True)
        await self.engine.dispose()
        log.info("MySQL connection pool closed" if not self.is_sqlite else "SQLite connection pool closed")

    async def _warm_up(self) -> None:
        connections = [await self.engine.connect() for _ in range(WARM_CONNECTIONS)]
        for connection in connections:
            await connection.execute(text("SELECT 1"))
            await connection.close()

    async def _close_idle_connections_periodically(self) -> None:
        failures = FailureLog(log, "closing idle connections failed")
        while True:
            await asyncio.sleep(min(30.0, self._idle_seconds / 2))
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._pool.close_idle(keep=WARM_CONNECTIONS, seconds=self._idle_seconds)
            except Exception as error:  # noqa: BLE001 (logged, and tried again)
                failures.failed(error)
            else:
                failures.succeeded()


def is_transient(error: BaseException) -> bool:
    """Return whether the same transaction may well succeed when it is run again.

    MySQL: 1213 deadlock, 1205 lock wait timeout, 1020 record changed since last read. SQLite: busy.
    """
    original = getattr(error, "orig", None) or error
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original)
    return number_of(error) in (1213, 1205, 1020)
