"""The pool: two warm connections, ten at most, none left behind; and what it says when it cannot connect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs
from tests.support.mariadb import MariaDB
from tests.support.ports import free_port
from tests.support.waiting import eventually_async

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection, fetch_cells
from aimo.db.transaction import atomically, transaction
from aimo.errors import ConfigurationError

MakeSettings = Callable[..., Settings]


@pytest.fixture(params=["asyncmy", "aiomysql"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.open(settings)
    try:
        yield database
    finally:
        await database.close()


def connections(server: MariaDB, chosen: dict[str, str]) -> int:
    """How many connections the server sees of the database's user."""
    query = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s"
    return int(server.execute(query, chosen["MYSQL_USER"])[0][0])


async def nap(database: Database, seconds: float = 0.2) -> None:
    async with database.reads() as connection:
        await connection.execute(text("SELECT SLEEP(:seconds)"), {"seconds": seconds})


async def test_pool_grows_to_ten_under_load_and_back_to_two(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    chosen = settings(**mysql_database, mysql_driver=driver, database_idle_seconds=2)
    with capture_logs() as logs:
        async with opened(chosen) as database:
            assert connections(mariadb, mysql_database) == 2
            assert database.pool_counts() == {"open": 2, "in_use": 0, "limit": 10}

            load = [asyncio.create_task(nap(database)) for _ in range(50)]
            most = 0
            while not all(task.done() for task in load):
                seen = await asyncio.to_thread(connections, mariadb, mysql_database)
                most = max(most, seen, database.pool_status().open)
            await asyncio.gather(*load)
            assert most == 10
            assert database.pool_counts() == {"open": 10, "in_use": 0, "limit": 10}

            ended = time.monotonic()
            await eventually_async(lambda: two_left(mariadb, mysql_database), "the pool shrinks to two")
            assert 1.5 < time.monotonic() - ended < 5
            assert database.pool_counts() == {"open": 2, "in_use": 0, "limit": 10}
            await asyncio.sleep(2.5)
            assert connections(mariadb, mysql_database) == 2, "two stay warm"
            await asyncio.gather(*(nap(database, 0.05) for _ in range(3)))
            assert database.pool_status().open == 3
    assert connections(mariadb, mysql_database) == 0
    [first] = [entry for entry in logs if entry["event"] == "database pool opened"]
    assert (first["open"], first["in_use"], first["limit"]) == (2, 0, 10)
    assert logs[-1]["event"] == "MySQL connection pool closed"
    assert mysql_database["MYSQL_PASSWORD"] not in str(logs)


async def two_left(mariadb: MariaDB, chosen: dict[str, str]) -> bool:
    return await asyncio.to_thread(connections, mariadb, chosen) == 2


async def test_connections_in_use_are_never_closed_for_being_idle(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings
) -> None:
    async with opened(settings(**mysql_database, database_idle_seconds=0.2)) as database:

        async def steady() -> None:
            for _ in range(20):
                await nap(database, 0.05)

        await asyncio.gather(*(steady() for _ in range(12)))


async def test_every_session_is_set_up_alike(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    question = text(
        "SELECT @@tx_isolation, @@time_zone, @@sql_mode, @@character_set_client, @@character_set_connection, "
        "@@character_set_results, @@autocommit"
    )
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:

        async def look() -> Any:
            async with database.reads() as connection:
                await connection.execute(text("SELECT SLEEP(0.1)"))
                return tuple((await connection.execute(question)).one())

        answers = await asyncio.gather(*(look() for _ in range(10)))
        assert database.pool_status().open == 10
    mode = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"
    assert set(answers) == {("READ-COMMITTED", "+00:00", mode, "utf8mb4", "utf8mb4", "utf8mb4", 1)}


async def test_the_servers_sql_mode_does_not_matter(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    [(before,)] = mariadb.execute("SELECT @@GLOBAL.sql_mode")
    mariadb.execute("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'")
    hostile = "\\' OR 1=1 -- \" % \\"
    try:
        async with opened(settings(**mysql_database, mysql_driver=driver)) as database, database.reads() as connection:
            assert await connection.scalar(text("SELECT :value"), {"value": hostile}) == hostile
            preparer = connection.dialect.identifier_preparer
            assert preparer.quote_identifier("order") == "`order`"
    finally:
        mariadb.execute("SET GLOBAL sql_mode = %s", before)


async def test_connections_that_the_server_closed_are_replaced(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    """As after a restart, or a night longer than the server's wait_timeout."""
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:
        query = "SELECT id FROM information_schema.processlist WHERE user = %s"
        for (number,) in mariadb.execute(query, mysql_database["MYSQL_USER"]):
            mariadb.execute(f"KILL {number}")
        await asyncio.sleep(1.1)
        await asyncio.gather(*(nap(database, 0.01) for _ in range(4)))
        await nap(database, 0)


async def test_a_cancelled_request_costs_the_pool_no_place(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    async with opened(settings(**mysql_database, mysql_driver=driver, mysql_connection_limit=3)) as database:
        for round_ in range(40):
            tasks = [asyncio.create_task(nap(database, 0.02)) for _ in range(6)]
            await asyncio.sleep(round_ * 0.001)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(nap(database, 0.05) for _ in range(6)))
        assert database.pool_status().in_use == 0
        assert 1 <= database.pool_status().open <= 3
        assert connections(mariadb, mysql_database) <= 3


async def test_a_close_that_hangs_costs_the_pool_no_place(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings(database_idle_seconds=0.4)) as database:

        async def borrow_all() -> list[AsyncConnection]:
            async with asyncio.timeout(4):
                return [await database.engine.connect() for _ in range(10)]

        async def shrunk() -> bool:
            return database.pool_status().open == 2

        # The patience with closing as well.
        monkeypatch.setattr("aimo.db.connection.CONNECT_SECONDS", 0.1)
        naps = []
        with capture_logs() as logs:
            for connection in await borrow_all():
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver
                await driver.create_function("nap", 1, time.sleep)
                naps.append(asyncio.create_task(driver.execute("SELECT nap(1)")))
                await connection.close()
            await eventually_async(shrunk, "the pool shrinks to two")
        assert "closing idle connections failed" in [entry["event"] for entry in logs]
        await asyncio.gather(*naps, return_exceptions=True)
        for connection in await borrow_all():
            await connection.close()


async def test_connecting_to_a_silent_server_times_out(settings: MakeSettings, driver: str) -> None:
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    started = time.monotonic()
    with pytest.raises(ConfigurationError, match=rf"MYSQL_HOST and MYSQL_PORT.*127.0.0.1:{port} did not answer"):
        await Database.open(settings(mysql_host="127.0.0.1", mysql_port=port, mysql_driver=driver))
    assert 4 < time.monotonic() - started < 7
    silent.close()


async def test_reads_from_a_hanging_database_time_out(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:
        with pytest.raises(TimeoutError):
            async with database.reads(seconds=0.3) as connection:
                await connection.execute(text("SELECT SLEEP(5)"))
        await nap(database, 0.01)
        assert database.pool_status().in_use == 0


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"mysql_password": "not-the-password"}, "check MYSQL_USER and MYSQL_PASSWORD"),
        ({"mysql_user": "nobody-known"}, "check MYSQL_USER and MYSQL_PASSWORD"),
        ({"mysql_database": "no_such_database"}, "check MYSQL_DATABASE"),
        ({"mysql_port": free_port()}, "check MYSQL_HOST and MYSQL_PORT"),
    ],
    ids=["password", "user", "database", "port"],
)
async def test_settings_that_cannot_work_say_what_to_change(
    mysql_database: dict[str, str], settings: MakeSettings, driver: str, wrong: dict[str, Any], advice: str
) -> None:
    values = {name.lower(): value for name, value in mysql_database.items()} | wrong | {"mysql_driver": driver}
    with pytest.raises(ConfigurationError) as caught:
        await Database.open(settings(**values))
    assert advice in str(caught.value)
    assert values["mysql_password"] not in str(caught.value)
    assert str(values["mysql_database"]) in str(caught.value)


async def test_unknown_database_of_an_administrator(mariadb: MariaDB, settings: MakeSettings, driver: str) -> None:
    mariadb.execute("CREATE USER IF NOT EXISTS admin@'%%' IDENTIFIED BY 'secret-of-admin'")
    mariadb.execute("GRANT ALL ON *.* TO admin@'%%'")
    values = {"mysql_host": "127.0.0.1", "mysql_port": mariadb.port, "mysql_user": "admin"}
    chosen = settings(**values, mysql_password="secret-of-admin", mysql_database="absent", mysql_driver=driver)
    with pytest.raises(ConfigurationError, match="create the database first, with CREATE DATABASE") as caught:
        await Database.open(chosen)
    assert "secret-of-admin" not in str(caught.value)


async def test_a_password_of_any_characters_works(mariadb: MariaDB, settings: MakeSettings, driver: str) -> None:
    password = "päss 密码 🔑 %@:/"
    chosen = mariadb.create_database()
    mariadb.execute(f"ALTER USER `{chosen['MYSQL_USER']}`@'%%' IDENTIFIED BY %s", password)
    async with opened(settings(**{**chosen, "MYSQL_PASSWORD": password}, mysql_driver=driver)) as database:
        await nap(database, 0)


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, settings: MakeSettings) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="check that AIMO_DATA_DIR"):
        await Database.open(settings(aimo_data_dir=tmp_path / "file" / "data"))


async def test_a_file_that_is_no_database_is_named(tmp_path: Path, settings: MakeSettings) -> None:
    (tmp_path / "aimo.db").write_text("no database at all, but long enough to be one" * 100)
    with pytest.raises(ConfigurationError, match=r"aimo\.db in AIMO_DATA_DIR is no database.*not a database"):
        await Database.open(settings(aimo_data_dir=tmp_path))


def kill_all(server: MariaDB, chosen: dict[str, str]) -> None:
    query = "SELECT id FROM information_schema.processlist WHERE user = %s"
    for (number,) in server.execute(query, chosen["MYSQL_USER"]):
        server.execute(f"KILL {number}")


@pytest.mark.parametrize("lend", [Database.driver_connection, Database.reads])
async def test_a_read_on_a_killed_connection_is_run_again(
    mariadb: MariaDB,
    mysql_database: dict[str, str],
    settings: MakeSettings,
    driver: str,
    lend: Callable[[Database], AbstractAsyncContextManager[ReadConnection]],
) -> None:
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:

        async def read() -> list[tuple[int]]:
            async with lend(database) as connection:
                (rows,) = await fetch_cells(connection, (select(literal(1)), {}))
            return [(row[0],) for row in rows]

        for _ in range(3):
            await asyncio.gather(*(nap(database, 0.02) for _ in range(4)))
            kill_all(mariadb, mysql_database)
            assert await asyncio.gather(*(read() for _ in range(6))) == [[(1,)]] * 6
        assert database.pool_status().in_use == 0


async def test_a_read_inside_a_transaction_is_not_run_again_by_itself(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    """What it read before would be forgotten, and what it wrote undone."""
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:
        with pytest.raises(Exception, match=r"2006|2013|gone away|Lost"):
            async with transaction(database, "test.read") as connection:
                kill_all(mariadb, mysql_database)
                await fetch_cells(connection, (select(literal(1)), {}))


async def test_a_read_without_another_connection_fails_and_costs_the_pool_no_place(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    user = mysql_database["MYSQL_USER"]
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:
        await asyncio.gather(*(nap(database, 0.02) for _ in range(2)))
        mariadb.execute(f"ALTER USER `{user}`@'%%' ACCOUNT LOCK")
        kill_all(mariadb, mysql_database)
        for _ in range(12):
            with pytest.raises(Exception, match=r"4151|2013|2006|locked"):
                async with database.driver_connection() as connection:
                    await fetch_cells(connection, (select(literal(1)), {}))
        mariadb.execute(f"ALTER USER `{user}`@'%%' ACCOUNT UNLOCK")
        await asyncio.gather(*(nap(database, 0.02) for _ in range(12)))
        assert database.pool_status().in_use == 0


async def test_a_write_on_a_killed_connection_is_done_once(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    mariadb.execute(f"CREATE TABLE `{mysql_database['MYSQL_DATABASE']}`.done (one INT)")
    runs: list[int] = []
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:

        async def work(connection: AsyncConnection, *, kill: bool) -> None:
            runs.append(len(runs))
            await connection.execute(text("INSERT INTO done VALUES (1)"))
            if kill:
                kill_all(mariadb, mysql_database)
            await connection.execute(text("INSERT INTO done VALUES (2)"))

        kill_all(mariadb, mysql_database)
        await atomically(database, "test.write", lambda connection: work(connection, kill=False))
        await atomically(database, "test.write", lambda connection: work(connection, kill=len(runs) == 1))
        async with database.reads() as connection:
            assert (await connection.execute(text("SELECT COUNT(*) FROM done"))).scalar_one() == 4
        assert len(runs) == 3
        with pytest.raises(DBAPIError):
            await atomically(database, "test.write", lambda connection: work(connection, kill=True))
        assert len(runs) == 6, "somebody who is killed every time gives up"


async def test_a_write_whose_commit_may_have_happened_is_not_repeated(
    mariadb: MariaDB, mysql_database: dict[str, str], settings: MakeSettings, driver: str
) -> None:
    runs: list[int] = []
    async with opened(settings(**mysql_database, mysql_driver=driver)) as database:

        async def work(connection: AsyncConnection) -> None:
            runs.append(len(runs))
            kill_all(mariadb, mysql_database)

        with pytest.raises(DBAPIError):
            await atomically(database, "test.write", work)
    assert runs == [0]
