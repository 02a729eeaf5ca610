"""All or nothing: through errors, cancellations at any moment, deadlocks and many writers at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs
from tests.support.cancellation import cancel_at_await
from tests.support.mariadb import MariaDB
from tests.support.waiting import eventually

from aimo.config import Settings
from aimo.db.connection import Database, is_transient
from aimo.db.queries import memos
from aimo.db.transaction import atomically, transaction
from aimo.errors import AimoError, Code

MakeSettings = Callable[..., Settings]

ADD = text("INSERT INTO leases (name, holder, expires_at) VALUES (:name, 'a', '2030-01-01 00:00:00.000')")
SET = text("UPDATE leases SET holder = :holder WHERE name = :name")
NAMES = text("SELECT name FROM leases ORDER BY name")


@pytest.fixture
async def database(migrated_database: dict[str, str], settings: MakeSettings) -> AsyncIterator[Database]:
    opened = await Database.open(settings(**migrated_database, mysql_connection_limit=3))
    yield opened
    await opened.close()


@pytest.fixture
def drivers(migrated_database: dict[str, str], settings: MakeSettings) -> list[Settings]:
    """The settings of the database with each driver there is for it."""
    if "MYSQL_HOST" not in migrated_database:
        return [settings(**migrated_database)]
    return [
        settings(**migrated_database, mysql_driver=name, mysql_connection_limit=3) for name in ("asyncmy", "aiomysql")
    ]


async def add(connection: AsyncConnection, *names: str) -> None:
    for name in names:
        await connection.execute(ADD, {"name": name})


async def names(database: Database) -> list[str]:
    async with database.reads() as connection:
        return list(await connection.scalars(NAMES))


async def assert_nothing_is_open(database: Database) -> None:
    """No connection of the pool is in a transaction, and nobody holds a lock."""
    assert database.pool_status().in_use == 0
    async with asyncio.timeout(3), transaction(database, "probe") as connection:
        await connection.execute(SET, {"name": "no such lease", "holder": "x"})
    if database.is_sqlite:
        return
    lent = [await database.engine.connect() for _ in range(3)]
    try:
        assert [await connection.scalar(text("SELECT @@in_transaction")) for connection in lent] == [0, 0, 0]
    finally:
        for connection in lent:
            await connection.close()


async def test_what_happens_inside_is_kept_together(database: Database) -> None:
    async with transaction(database, "test") as connection:
        await add(connection, "one", "two")
        assert await names_elsewhere(database) == []
    assert await names(database) == ["one", "two"]
    await assert_nothing_is_open(database)


async def names_elsewhere(database: Database) -> list[str]:
    """What others see meanwhile."""
    return await asyncio.create_task(names(database))


async def test_an_error_undoes_everything_and_comes_through(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(database, "test") as connection:
            await add(connection, "one")
            raise ZeroDivisionError
    with pytest.raises(DBAPIError):
        async with transaction(database, "test") as connection:
            await add(connection, "one", "one")
    assert await names(database) == []
    await assert_nothing_is_open(database)


async def test_the_log_says_what_failed_for_whom_and_never_the_content(database: Database) -> None:
    with capture_logs() as logs, pytest.raises(DBAPIError):
        async with transaction(database, "memos.update", user="u1", entity="m1") as connection:
            await add(connection, "my secret diary", "my secret diary")
    [entry] = logs
    assert entry["log_level"] == "warning"
    assert (entry["operation"], entry["user"], entry["entity"]) == ("memos.update", "u1", "m1")
    assert (entry["error"], entry["transient"]) == ("IntegrityError", False)
    assert "secret" not in str(entry)


async def test_a_refusal_is_rolled_back_and_needs_no_log(database: Database) -> None:
    with capture_logs() as logs, pytest.raises(AimoError):
        async with transaction(database, "test") as connection:
            await add(connection, "one")
            raise AimoError(Code.NOT_FOUND)
    assert logs == []
    assert await names(database) == []


async def test_too_long_a_transaction_is_undone(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with transaction(database, "test", seconds=0.1) as connection:
            await add(connection, "one")
            await asyncio.sleep(5)
    assert await names(database) == []
    await assert_nothing_is_open(database)


@pytest.mark.parametrize("more", [(), (1,), (1, 2, 3)], ids=["once", "again during rollback", "again and again"])
async def test_a_cancelled_transaction_is_committed_or_rolled_back(
    drivers: list[Settings], more: tuple[int, ...]
) -> None:
    for chosen in drivers:
        database = await Database.open(chosen)
        try:
            kept = await cancel_everywhere(database, more)
            assert kept < 6, "only a cancellation of the COMMIT itself may leave everything stored"
        finally:
            await database.close()


async def cancel_everywhere(database: Database, more: tuple[int, ...]) -> int:
    """Cancel a transaction at each of its waits; how often it was stored nevertheless."""

    async def work() -> None:
        async with transaction(database, "test") as connection:
            await add(connection, "one")
            await asyncio.sleep(0)
            await add(connection, "two")

    kept = place = 0
    while True:
        place += 1
        again = await cancel_at_await(work(), place, *(place + step for step in more))
        # What ends in another thread, or in the background, ends soon.
        await asyncio.sleep(0.01)
        await assert_nothing_is_open(database)
        left = await names(database)
        assert left in ([], ["one", "two"]), f"half of it is left after cancelling at wait {place}"
        if not again:
            assert left == ["one", "two"]
            assert place > 3
            return kept
        kept += bool(left)
        async with transaction(database, "clean") as connection:
            await connection.execute(text("DELETE FROM leases"))


async def test_a_connection_that_cannot_roll_back_is_closed(
    mariadb: MariaDB, mysql_template: str, settings: MakeSettings
) -> None:
    chosen = mariadb.create_database(like=mysql_template)
    database = await Database.open(settings(**chosen))
    with capture_logs() as logs, pytest.raises(DBAPIError):
        async with transaction(database, "test") as connection:
            await add(connection, "one")
            mariadb.execute(f"KILL {await connection.scalar(text('SELECT CONNECTION_ID()'))}")
            await add(connection, "two")
    assert [entry["event"] for entry in logs] == ["transaction rolled back"]
    assert await names(database) == []
    await assert_nothing_is_open(database)
    await database.close()


async def test_no_transaction_outlives_its_connection(
    mariadb: MariaDB, mysql_template: str, settings: MakeSettings
) -> None:
    """Cancelled in the middle of a statement, the connection is closed: the server must notice."""
    chosen = mariadb.create_database(like=mysql_template)
    database = await Database.open(settings(**chosen))

    async def work() -> None:
        async with transaction(database, "test") as connection:
            await add(connection, "one")
            await connection.execute(text("SELECT SLEEP(0.5)"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> 0"
    # InnoDB renews what this table shows only when nobody has read it for 0.1 s.
    await asyncio.to_thread(
        eventually, lambda: mariadb.execute(query)[0][0] == 0, "the server rolls back", interval=0.3
    )
    assert await names(database) == []
    await database.close()


async def test_a_deadlock_is_run_again_until_both_are_through(database: Database) -> None:
    async with transaction(database, "test") as connection:
        await add(connection, "a", "b")
    attempts = {"x": 0, "y": 0}
    # The first time each waits until the other has its first lock as well; SQLite lets only one begin.
    met = asyncio.Barrier(2)

    async def lock(who: str, first: str, second: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            attempts[who] += 1
            await connection.execute(SET, {"name": first, "holder": who})
            if attempts[who] == 1 and not database.is_sqlite:
                await met.wait()
            await connection.execute(SET, {"name": second, "holder": who})

        await atomically(database, f"lock {who}", work)

    with capture_logs() as logs:
        async with asyncio.timeout(10):
            await asyncio.gather(lock("x", "a", "b"), lock("y", "b", "a"))
    async with database.reads() as connection:
        holders = list(await connection.scalars(text("SELECT DISTINCT holder FROM leases")))
    assert len(holders) == 1, "the later one has written both"
    if not database.is_sqlite:
        assert sum(attempts.values()) > 2
        assert any(entry.get("transient") for entry in logs)
    await assert_nothing_is_open(database)


async def test_a_deadlock_while_reading_straight_from_the_driver_is_run_again(
    mariadb: MariaDB, mysql_template: str, settings: MakeSettings
) -> None:
    chosen = mariadb.create_database(like=mysql_template)
    database = await Database.open(settings(**chosen))
    setup = "INSERT INTO users (uid, password, salt) VALUES ('u', 'x', 'x')"
    mariadb.execute(setup, database=chosen["MYSQL_DATABASE"])
    for name in "ab":
        row = f"INSERT INTO memos (memo_id, uid, content, seq) VALUES ('{name}', 'u', 'x', 1)"
        mariadb.execute(row, database=chosen["MYSQL_DATABASE"])
    met, tries = asyncio.Barrier(2), []

    async def lock(first: str, second: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            tries.append(first)
            await memos.get_for_update(connection, owner="u", memo_id=first)
            if tries.count(first) == 1:
                await met.wait()
            await memos.get_for_update(connection, owner="u", memo_id=second)

        await atomically(database, "lock", work)

    async with asyncio.timeout(10):
        await asyncio.gather(lock("a", "b"), lock("b", "a"))
    assert len(tries) > 2
    await assert_nothing_is_open(database)
    await database.close()


async def test_what_cannot_succeed_is_not_run_again(database: Database) -> None:
    runs = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal runs
        runs += 1
        await add(connection, "one", "one")

    with pytest.raises(DBAPIError) as caught:
        await atomically(database, "test", work)
    assert runs == 1
    assert not is_transient(caught.value)


async def test_writers_of_several_processes_wait_for_each_other(
    migrated_database: dict[str, str], settings: MakeSettings
) -> None:
    """Each `Database` stands for a process: they share nothing but the file or server. SQLite says "locked" to none."""
    processes = [await Database.open(settings(**migrated_database)) for _ in range(3)]

    async def write(database: Database, name: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(NAMES)
            await add(connection, f"{name}-1")
            await add(connection, f"{name}-2")

        await atomically(database, "write", work)
        async with database.reads() as connection:
            await connection.execute(SET, {"name": f"{name}-1", "holder": "done"})

    with capture_logs() as logs:
        await asyncio.gather(*(write(one, f"{i}-{n}") for i, one in enumerate(processes) for n in range(40)))
    assert len(await names(processes[0])) == 3 * 40 * 2
    assert [entry for entry in logs if "locked" in str(entry)] == []
    for one in processes:
        await one.close()


async def test_cancelling_a_waiting_writer_blocks_nobody(database: Database) -> None:
    async def slow() -> None:
        async with transaction(database, "slow") as connection:
            await add(connection, "slow")
            await asyncio.sleep(0.2)

    async def quick(name: str) -> None:
        async with transaction(database, "quick") as connection:
            await add(connection, name)

    first = asyncio.create_task(slow())
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(quick(f"quick-{n}")) for n in range(4)]
    await asyncio.sleep(0.02)
    if database.is_sqlite:
        waiting[0].cancel()
        waiting[2].cancel()
    results: list[Any] = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [error for error in results if error and not isinstance(error, asyncio.CancelledError)] == []
    assert "slow" in await names(database)
    assert {"quick-1", "quick-3"} <= set(await names(database))
    await assert_nothing_is_open(database)
