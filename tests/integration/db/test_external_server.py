"""Tests may be pointed at a database server that runs already, as continuous integration does with MySQL."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from tests.support.mariadb import URL_VARIABLE, ExternalServer, MariaDB, shared_server

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.migrate import migrate

PASSWORD = "p@ss:/w?rd#%25"


@pytest.fixture
def url(mariadb: MariaDB) -> str:
    """The address of a server with an administrator who logs in over TCP."""
    mariadb.execute("CREATE USER IF NOT EXISTS outsider@'%%' IDENTIFIED BY %s", PASSWORD)
    mariadb.execute("GRANT ALL ON *.* TO outsider@'%%' WITH GRANT OPTION")
    return f"mysql://outsider:{quote(PASSWORD, safe='')}@{mariadb.host}:{mariadb.port}"


async def test_databases_come_from_the_server_that_is_named(
    url: str, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, url)
    server = shared_server().start()
    assert isinstance(server, ExternalServer)
    empty = server.create_database()
    database = await Database.open(settings(**empty))
    try:
        assert await migrate(database)
    finally:
        await database.close()
    copy = server.create_database(like=empty["MYSQL_DATABASE"])
    tables = {name for (name,) in server.execute("SHOW TABLES", database=copy["MYSQL_DATABASE"])}
    assert {"users", "memos"} <= tables
    server.close()
    assert server.execute("SELECT 1") == [(1,)]


def test_a_server_that_is_not_ours_is_never_stopped(url: str) -> None:
    server = ExternalServer(url).start()
    with pytest.raises(AssertionError, match=URL_VARIABLE):
        server.kill()
    with pytest.raises(AssertionError, match=URL_VARIABLE):
        server.restart()
    assert server.execute("SELECT 1") == [(1,)]


def test_an_address_that_is_none_is_refused_by_its_variable() -> None:
    with pytest.raises(AssertionError, match=f"{URL_VARIABLE} must begin with mysql://"):
        ExternalServer("http://127.0.0.1")
