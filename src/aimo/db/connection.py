"""The engine and its pool: 2 warm connections, at most 10, idle ones closed (PRD, decisions.md 22).

Connections run in AUTOCOMMIT: a read costs no extra round trip. Writes open their transaction
explicitly, see `aimo.db.transaction`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import URL, AsyncAdaptedQueuePool, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aimo.config import Settings
from aimo.errors import ConfigurationError

log = structlog.get_logger(__name__)

WARM_CONNECTIONS = 2
CONNECT_SECONDS = 5
_LAST_USED = "aimo_last_used"


@dataclass(frozen=True)
class PoolStatus:
    """How many connections the pool has open, lent out and at most."""

    open: int
    in_use: int
    limit: int


def database_url(settings: Settings) -> URL:
    """Where the rows live, with the password inside."""
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


def _prepare_mysql(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    cursor.execute("SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'")
    cursor.close()


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _create_engine(settings: Settings) -> AsyncEngine:
    url = database_url(settings)
    connect_args = {"timeout": CONNECT_SECONDS} if not settings.uses_mysql else {"connect_timeout": CONNECT_SECONDS}
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        hide_parameters=True,
        json_serializer=_encode,
        json_deserializer=msgspec.json.decode,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=settings.mysql_connection_limit,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=3600,
        pool_use_lifo=True,
        pool_reset_on_return=None,
        connect_args=connect_args,
    )
    event.listen(engine.sync_engine, "connect", _prepare_mysql if settings.uses_mysql else _prepare_sqlite)
    event.listen(engine.sync_engine, "checkin", _note_use)
    return engine


def _note_use(connection: Any, record: Any) -> None:
    record.info[_LAST_USED] = time.monotonic()


class Database:
    """The relational database of one process; open it with `Database.open`."""

    def __init__(self, engine: AsyncEngine, *, limit: int, idle_seconds: float) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.write_lock = asyncio.Lock()
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._reaper: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: Settings) -> Database:
        """Connect, warm the pool up and log its figures.

        Raises:
            ConfigurationError: the database does not answer or refuses the user; the text says where.
        """
        if not settings.uses_mysql:
            settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
        database = cls(
            _create_engine(settings),
            limit=settings.mysql_connection_limit,
            idle_seconds=settings.database_idle_seconds,
        )
        try:
            await database._warm_up()
        except Exception as error:
            await database.engine.dispose()
            where = database.engine.url.render_as_string(hide_password=True)
            reason = str(getattr(error, "orig", None) or error)
            raise ConfigurationError(f"The database {where} cannot be used: {reason}") from error
        database._reaper = asyncio.create_task(database._reap_forever(), name="pool-reaper")
        log.info("database pool opened", database=database.engine.url.render_as_string(), **database.figures())
        return database

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading; each statement stands for itself."""
        async with self.engine.connect() as connection:
            yield connection

    async def check(self) -> None:
        """Ask the database for a sign of life (``SELECT 1``); raises what the driver raises."""
        async with asyncio.timeout(CONNECT_SECONDS), self.reads() as connection:
            await connection.execute(text("SELECT 1"))

    def pool_status(self) -> PoolStatus:
        """The pool's figures right now."""
        pool = self.engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)
        in_use = pool.checkedout()
        return PoolStatus(open=pool.checkedin() + in_use, in_use=in_use, limit=self._limit)

    def figures(self) -> dict[str, int]:
        """The pool's figures by name, for logs and the readiness route."""
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
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            connections = [await self.engine.connect() for _ in range(WARM_CONNECTIONS)]
            for connection in connections:
                await connection.execute(text("SELECT 1"))
                await connection.close()

    async def _reap_forever(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self._idle_seconds / 2))
            try:
                await self._reap()
            except Exception:
                log.exception("idle connections could not be looked at")

    async def _reap(self) -> None:
        """Close connections that nobody used for long, beyond the warm ones."""
        pool = self.engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)
        idle = pool.checkedin()
        if self.pool_status().open <= WARM_CONNECTIONS or idle == 0:
            return
        deadline = time.monotonic() - self._idle_seconds
        lent = [(await self.engine.connect()) for _ in range(min(idle, pool.checkedin()))]
        stamps = []
        for connection in lent:
            raw = await connection.get_raw_connection()
            stamps.append((raw.record_info or {}).get(_LAST_USED, 0.0))
        closable = self.pool_status().open - WARM_CONNECTIONS
        for connection, used in sorted(zip(lent, stamps, strict=True), key=lambda pair: pair[1]):
            if closable > 0 and used < deadline:
                await connection.invalidate()
                closable -= 1
                await connection.close()
                continue
            raw = await connection.get_raw_connection()
            await connection.close()
            if raw.record_info is not None:
                raw.record_info[_LAST_USED] = used


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is run again.

    MySQL: 1213 deadlock, 1205 lock wait timeout, 1020 record changed since last read. SQLite: busy.
    """
    original = getattr(error, "orig", None)
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original)
    arguments: tuple[object, ...] = getattr(original, "args", ())
    return bool(arguments) and arguments[0] in (1213, 1205, 1020)
