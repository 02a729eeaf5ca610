"""Opens connections to MySQL and MariaDB as the drivers should by themselves: in time, encrypted where asked to."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from sqlalchemy import URL

from aimo.config import Settings
from aimo.db.tls import ENCRYPTED, tls_context
from aimo.listening import authority

CONNECT_SECONDS: Final = 5

# Rows found by UPDATE are counted, whether or not they changed: CLIENT_FOUND_ROWS of the MySQL protocol.
_FOUND_ROWS = 2


def mysql_connector(settings: Settings, url: URL) -> Callable[[], Awaitable[object]]:
    """Return what opens a connection of the driver; a server that accepts but never answers is given up as well.

    The drivers' own timeout ends with the TCP handshake, and they encode passwords as Latin-1.
    """
    driver = importlib.import_module(settings.mysql_driver)
    mode, encryption = settings.mysql_ssl_mode, tls_context(settings)
    # Encoded as Latin-1 this is UTF-8, which is what the server has hashed.
    password = settings.mysql_password.get_secret_value().encode().decode("latin1")
    where = authority(str(url.host), url.port or 3306)
    lost = url.get_dialect().import_dbapi().OperationalError

    async def attempt(context: ssl.SSLContext | None) -> Any:
        return await driver.connect(
            host=url.host,
            port=url.port,
            user=url.username,
            password=password,
            db=url.database,
            charset="utf8mb4",
            client_flag=_FOUND_ROWS,
            ssl=context,
        )

    async def connect() -> object:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                try:
                    connection = await attempt(encryption)
                except Exception as error:
                    refused = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)
                    if refused is None:
                        raise
                    if mode != "preferred":
                        raise lost(2026, f"{where}: {refused}") from error
                    connection = await attempt(None)
                if mode in ENCRYPTED and not await _is_encrypted(connection):
                    connection.close()
                    raise lost(2026, f"{where} offers no encryption")
                return connection
        except TimeoutError:
            raise lost(2003, f"{where} did not answer within {CONNECT_SECONDS} s") from None

    return connect


async def _is_encrypted(connection: Any) -> bool:
    """Ask the server: a driver may go on in the clear where it offers no encryption."""
    async with connection.cursor() as cursor:
        await cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = await cursor.fetchone()
    return bool(row and row[1])


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it came from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
