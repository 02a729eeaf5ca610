"""A database that answers and does not work is given up, told in words, and used again once it works."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs
from tests.support.mariadb import MariaDB
from tests.support.waiting import eventually_async

from aimo import config
from aimo.cli import serve
from aimo.config import Settings
from aimo.db import connection as connections_of
from aimo.db import transaction as transactions
from aimo.db.connection import Database
from aimo.db.connection_errors import advice, is_refusal
from aimo.db.outages import is_outage
from aimo.db.transaction import atomically
from aimo.errors import AimoError, Code, ConfigurationError
from aimo.services.operations.write_probe import LASTS_SECONDS, WriteProbe
from aimo.services.sync.lease import LeaseRow

Make = Callable[..., Settings]
# A transaction of somebody else that was begun and forgotten.
OPEN_WRITE = "UPDATE leases SET holder = 'b'"
WRITE = text("INSERT INTO leases (name, holder, expires_at) VALUES (:name, 'a', '2030-01-01 00:00:00.000')")


@pytest.fixture
def mysql_database(mariadb: MariaDB, mysql_template: str) -> dict[str, str]:
    """The settings of a database with the present schema."""
    return mariadb.create_database(like=mysql_template)


@pytest.fixture
async def database(mysql_database: dict[str, str], settings: Make) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**mysql_database))
    yield opened
    await opened.close()


@contextmanager
def read_only(mariadb: MariaDB) -> Iterator[None]:
    """Let the server answer and refuse to write, as a primary does that has become a replica."""
    mariadb.execute("SET GLOBAL read_only = 1")
    try:
        yield
    finally:
        mariadb.execute("SET GLOBAL read_only = 0")


async def write(database: Database, name: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(WRITE, {"name": name})

    await atomically(database, "test.write", work)


def connections(mariadb: MariaDB, user: str) -> set[int]:
    rows = mariadb.execute("SELECT id FROM information_schema.processlist WHERE user = %s", user)
    return {number for (number,) in rows}


async def test_connections_to_a_server_that_has_become_read_only_are_replaced(
    mariadb: MariaDB, mysql_database: dict[str, str], database: Database
) -> None:
    user = mysql_database["MYSQL_USER"]
    before = connections(mariadb, user)
    with read_only(mariadb), pytest.raises(DBAPIError) as failure:
        await write(database, "a")
    assert is_refusal(failure.value) and is_outage(failure.value)
    assert "MYSQL_HOST must lead to the primary" in advice(failure.value)
    await write(database, "b")
    await asyncio.gather(*(write(database, str(number)) for number in range(5)))
    assert not before & connections(mariadb, user)


async def test_a_write_that_a_failover_interrupts_is_done_after_it(mariadb: MariaDB, database: Database) -> None:
    with read_only(mariadb):
        waiting = asyncio.create_task(write(database, "a"))
        await asyncio.sleep(0.4)
        assert not waiting.done()
    await waiting


async def test_readiness_says_no_while_nothing_can_be_written(mariadb: MariaDB, database: Database) -> None:
    probe = WriteProbe(database)
    await probe.check()
    await asyncio.sleep(LASTS_SECONDS)
    with read_only(mariadb):
        for _ in range(2):
            with pytest.raises(DBAPIError):
                await probe.check()
    await probe.check()


async def test_sessions_wait_for_no_lock_longer_than_a_request_can(database: Database) -> None:
    async with database.reads() as connection:
        found = await connection.execute(text("SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout"))
        assert found.one() == (connections_of.LOCK_SECONDS, connections_of.LOCK_SECONDS)


@pytest.mark.parametrize(
    ("lock", "whole"), [("FLUSH TABLES WITH READ LOCK", True), ("LOCK TABLES memos READ", False), (OPEN_WRITE, True)]
)
async def test_a_lock_of_another_session_is_told_in_words_and_over_with_it(
    mariadb: MariaDB,
    mysql_database: dict[str, str],
    database: Database,
    settings: Make,
    monkeypatch: pytest.MonkeyPatch,
    lock: str,
    whole: bool,
) -> None:
    name = mysql_database["MYSQL_DATABASE"]
    short = [each.replace(f"= {connections_of.LOCK_SECONDS}", "= 1") for each in connections_of._MYSQL_SESSION]
    monkeypatch.setattr(connections_of, "_MYSQL_SESSION", short)
    monkeypatch.setattr(transactions, "_RACING_SECONDS", 0.5)
    impatient = await Database.open(settings(**mysql_database))
    probe = WriteProbe(impatient)
    await probe.check()
    await asyncio.sleep(LASTS_SECONDS)
    started = time.monotonic()
    with mariadb.session(name) as session:
        session.execute(lock)
        refused = await asyncio.gather(
            probe.check(), *([write(impatient, "a")] if whole else []), return_exceptions=True
        )
    assert time.monotonic() - started < 4
    assert len(refused) == 1 + whole
    for failure in refused:
        assert isinstance(failure, DBAPIError) and is_outage(failure)
        assert "SHOW PROCESSLIST" in advice(failure) and "UNLOCK TABLES" in advice(failure)
    await probe.check()
    await write(impatient, "a")
    await impatient.close()


async def test_what_fails_each_second_is_a_line_with_its_reason_and_one_when_it_is_over(
    mariadb: MariaDB, database: Database
) -> None:
    lease = LeaseRow(database, "role", seconds=0.4)
    await lease.start()
    with capture_logs() as logged:
        with read_only(mariadb):
            await asyncio.sleep(0.8)
        while not lease.held:
            await asyncio.sleep(0.02)
        await lease.stop()
    told = [entry for entry in logged if entry["event"].startswith(("lease renewal", "the lease"))]
    assert [entry["event"] for entry in told] == ["lease renewal failed", "the lease role can be renewed again"]
    assert "MYSQL_HOST must lead to the primary" in told[0]["reason"] and "exc_info" not in told[0]
    assert told[1]["failures"] > 2


async def test_a_server_does_not_start_on_a_database_that_takes_no_writes(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: Make
) -> None:
    user, chosen = mysql_database["MYSQL_USER"], settings(**mysql_database)
    with (
        read_only(mariadb),
        pytest.raises(ConfigurationError, match=r"takes no writes: the server is read-only") as told,
    ):
        await serve._prepare(chosen)
    assert mysql_database["MYSQL_PASSWORD"] not in str(told.value) and "\n" not in str(told.value)
    mariadb.execute(f"REVOKE DELETE ON `{user}`.* FROM `{user}`@'%%'")
    with pytest.raises(ConfigurationError, match="takes no writes: MYSQL_USER needs all privileges"):
        await serve._prepare(chosen)
    mariadb.execute(f"GRANT ALL PRIVILEGES ON `{user}`.* TO `{user}`@'%%'")
    await serve._prepare(chosen)


async def test_a_lease_is_lost_with_the_right_to_write_and_had_again(mariadb: MariaDB, database: Database) -> None:
    lease = LeaseRow(database, "role", seconds=0.8)
    await lease.start()
    assert lease.held
    with read_only(mariadb):
        await asyncio.sleep(1.0)
        assert not lease.held
    await eventually_async(lease.taken.wait, timeout=2)
    await lease.stop()


async def test_a_read_only_session_is_one_too(mariadb: MariaDB, database: Database) -> None:
    (version,) = mariadb.execute("SELECT VERSION()")[0]
    variable = "tx_read_only" if "MariaDB" in version else "transaction_read_only"
    mariadb.execute(f"SET GLOBAL {variable} = 1")
    try:
        with pytest.raises(DBAPIError) as failure:
            await write(database, "a")
            await write(database, "b")
            async with database.reads() as connection:
                await connection.execute(text(f"SET SESSION {variable} = 1"))
                await connection.execute(WRITE, {"name": "c"})
        assert is_refusal(failure.value)
    finally:
        mariadb.execute(f"SET GLOBAL {variable} = 0")
    await write(database, "d")


async def test_what_is_larger_than_the_server_takes_is_said(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: Make
) -> None:
    (before,) = mariadb.execute("SELECT @@global.max_allowed_packet")[0]
    mariadb.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        database = await Database.open(settings(**mysql_database))

        for long, many in (("x" * 2 * 1024 * 1024, False), ("'" * 600 * 1024, False), ("京" * 400 * 1024, True)):

            async def work(connection: AsyncConnection, long: str = long, many: bool = many) -> None:
                values = {"long": long}
                await connection.execute(text("SELECT LENGTH(:long)"), [values, values] if many else values)

            with pytest.raises(AimoError, match="larger than the server's database takes") as failure:
                await atomically(database, "test.large", work)
            assert failure.value.code is Code.PARAMS_ERROR
        await write(database, "after")
        await database.close()
    finally:
        mariadb.execute(f"SET GLOBAL max_allowed_packet = {before}")


async def test_a_server_that_takes_more_by_now_gets_it(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: Make
) -> None:
    (before,) = mariadb.execute("SELECT @@global.max_allowed_packet")[0]
    long = "x" * 2 * 1024 * 1024

    async def work(connection: AsyncConnection) -> int:
        return int((await connection.execute(text("SELECT LENGTH(:long)"), {"long": long})).scalar_one())

    mariadb.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        database = await Database.open(settings(**mysql_database))
        with pytest.raises(AimoError, match="larger than"):
            await atomically(database, "test.large", work)
        mariadb.execute("SET GLOBAL max_allowed_packet = 67108864")
        for _ in range(database.pool_status().open):
            with contextlib.suppress(AimoError):
                await atomically(database, "test.large", work)
        assert await atomically(database, "test.large", work) == len(long)
        await database.close()
    finally:
        mariadb.execute(f"SET GLOBAL max_allowed_packet = {before}")


async def test_a_missing_privilege_is_told_and_had_again_once_it_is_granted(
    mariadb: MariaDB, mysql_database: dict[str, str], database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    user = mysql_database["MYSQL_USER"]
    probe = WriteProbe(database)
    mariadb.execute(f"REVOKE INSERT ON `{user}`.* FROM `{user}`@'%%'")
    for number in connections(mariadb, user):
        mariadb.execute(f"KILL {number}")
    await asyncio.sleep(1.1)
    with pytest.raises(DBAPIError) as failure:
        await probe.check()
    assert "needs all privileges" in advice(failure.value)
    mariadb.execute(f"GRANT ALL PRIVILEGES ON `{user}`.* TO `{user}`@'%%'")
    await probe.check()
    await write(database, "a")


async def test_too_many_connections_are_said_with_the_limit_to_change(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: Make
) -> None:
    user = mysql_database["MYSQL_USER"]
    mariadb.execute(f"ALTER USER `{user}`@'%%' WITH MAX_USER_CONNECTIONS 1")
    with pytest.raises(ConfigurationError, match=r"(?s)limits.*MAX_USER_CONNECTIONS|max_user_connections"):
        await Database.open(settings(**mysql_database))
    mariadb.execute(f"ALTER USER `{user}`@'%%' WITH MAX_USER_CONNECTIONS 0")
    await (await Database.open(settings(**mysql_database))).close()


def test_a_file_that_holds_no_certificates_is_named(settings: Make, mysql_database: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"MYSQL_SSL_CA=/nowhere\.pem cannot be used"):
        Database(settings(**mysql_database, mysql_ssl_mode="verify_ca", mysql_ssl_ca="/nowhere.pem"))


async def test_one_address_says_what_five_settings_do(mysql_database: dict[str, str], settings: Make) -> None:

    url = URL.create(
        "mysql",
        mysql_database["MYSQL_USER"],
        mysql_database["MYSQL_PASSWORD"],
        mysql_database["MYSQL_HOST"],
        int(mysql_database["MYSQL_PORT"]),
        mysql_database["MYSQL_DATABASE"],
    )
    chosen = settings(database_url=url.render_as_string(hide_password=False), mysql_host="elsewhere.invalid")
    await (await Database.open(chosen)).close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://h/d", "must look like mysql://"),
        ("mysql://h", "must name a host and a database"),
        ("mysql:///d", "must name a host and a database"),
        ("mysql://u:hidden-word@h:99999/d", "host and port cannot be read"),
        ("mysql://h/d?timeout=3", "timeout is no option of it"),
        ("mysql://h/d?ssl-mode=maybe", "MYSQL_SSL_MODE"),
        ("sqlite:///x", "rows live in the data folder"),
    ],
)
def test_an_address_that_is_none_is_said_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as failure:
        config.load(_env_file=None, database_url=url)
    assert "hidden-word" not in str(failure.value)
