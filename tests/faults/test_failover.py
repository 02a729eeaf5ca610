"""Primary and replica change places under load: writing goes on within ten seconds, and nothing told is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from tests.support.client import Client
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.switchboard import Switchboard

from aimo.services.operations.write_probe import LASTS_SECONDS

from .steady_writer import SteadyWriter

pytestmark = pytest.mark.long

SECONDS = 10.0


class Pair:
    """Two servers that replicate in both directions, of which one takes writes."""

    def __init__(self, stack: ExitStack) -> None:
        options = ("--log-bin=binlog", "--log-slave-updates", "--gtid-strict-mode=1")
        self.servers = [MariaDB(options=(*options, f"--server-id={number}")) for number in (1, 2)]
        for server in self.servers:
            stack.callback(server.close)
            server.start()
        self.primary, self.replica = self.servers
        self.primary.execute("CREATE USER 'replica'@'%%' IDENTIFIED BY 'replica'")
        self.primary.execute("GRANT REPLICATION SLAVE ON *.* TO 'replica'@'%%'")
        self._follow()
        self.replica.execute("SET GLOBAL read_only = 1")

    def _follow(self) -> None:
        self.replica.execute(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%s, MASTER_USER='replica', "
            "MASTER_PASSWORD='replica', MASTER_USE_GTID=slave_pos",
            self.primary.port,
        )
        self.replica.execute("START SLAVE")

    def switch(self) -> None:
        """Let the primary finish, and the replica take over: connections to the former primary stay open."""
        self.primary.execute("SET GLOBAL read_only = 1")
        (position,) = self.primary.execute("SELECT @@gtid_binlog_pos")[0]
        (late,) = self.replica.execute("SELECT MASTER_GTID_WAIT(%s, 10)", position)[0]
        assert late == 0
        self.replica.execute("STOP SLAVE")
        self.replica.execute("SET GLOBAL gtid_slave_pos = %s", position)
        self.primary, self.replica = self.replica, self.primary
        self.replica.execute("SET GLOBAL gtid_slave_pos = %s", position)
        self._follow()
        self.primary.execute("SET GLOBAL read_only = 0")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack)


@pytest.mark.parametrize("driver", ["asyncmy", "aiomysql"])
def test_two_failovers_under_load_lose_nothing_and_are_over_in_seconds(
    pair: Pair, server: Callable[..., Server], driver: str
) -> None:
    database = pair.primary.create_database()
    with Switchboard(pair.primary.port) as board:
        settings = {**database, "MYSQL_PORT": str(board.port), "MYSQL_DRIVER": driver, "EMBEDDER": "local"}
        running = server(**settings, WORKERS="2").start()
        owner = Client(running.url).register()
        with ExitStack() as stack:
            writers = [stack.enter_context(SteadyWriter(running.url, owner.token, f"w{number}")) for number in range(4)]
            for _ in range(2):
                time.sleep(2)
                switched = time.monotonic()
                pair.switch()
                during = httpx.get(f"{running.url}/readyz", timeout=10).status_code
                board.target = pair.primary.port
                waited = [writer.resumed(switched, SECONDS) - switched for writer in writers]
                time.sleep(LASTS_SECONDS)
                after = httpx.get(f"{running.url}/readyz", timeout=10).status_code
                print(f"failover: {max(waited):.2f} s until all wrote again; readyz {during}, then {after}")
                assert max(waited) < SECONDS
                assert after == 200
        told = {memo_id for writer in writers for _, memo_id in writer.acknowledged}
        rows = pair.primary.execute("SELECT memo_id FROM memos", database=database["MYSQL_DATABASE"])
        stored = {memo_id for (memo_id,) in rows}
        failed = sum(writer.failed for writer in writers)
        print(f"written: {len(told)} acknowledged, {failed} failed, {len(told - stored)} lost")
        assert told <= stored
        assert len(told) > 50
