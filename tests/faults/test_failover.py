"""Primary and replica change places under load: writing goes on within ten seconds, and nothing told is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from tests.support.client import Client, plain_http
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.switchboard import Switchboard

from aimo.services.operations.write_probe import LASTS_SECONDS

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


class Writer:
    """Writes memos one after the other; knows which were acknowledged, and when."""

    def __init__(self, url: str, token: str | None, name: str) -> None:
        self.acknowledged: list[tuple[float, str]] = []
        self.failed = 0
        self._url, self._token, self._name = url, token, name
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        with plain_http(f"{self._url}/api/v1", timeout=20) as http:
            http.headers["Authorization"] = f"Bearer {self._token}"
            while not self._over.is_set():
                number += 1
                try:
                    answer = http.post("/memos", json={"content": f"{self._name} {number}"}).json()
                except httpx.HTTPError:
                    self.failed += 1
                    continue
                if answer.get("code") == 0:
                    self.acknowledged.append((time.monotonic(), answer["data"]["memo"]["memoId"]))
                else:
                    self.failed += 1
                    time.sleep(0.05)


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
            writers = [stack.enter_context(Writer(running.url, owner.token, f"w{number}")) for number in range(4)]
            for _ in range(2):
                time.sleep(2)
                switched = time.monotonic()
                pair.switch()
                during = httpx.get(f"{running.url}/readyz", timeout=10).status_code
                board.target = pair.primary.port
                waited = [_resumed(writer, switched) - switched for writer in writers]
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


def _resumed(writer: Writer, since: float) -> float:
    """Return when a memo was acknowledged that was begun after a moment: the second one after it."""
    deadline = time.monotonic() + 2 * SECONDS
    while time.monotonic() < deadline:
        later = [moment for moment, _ in list(writer.acknowledged) if moment > since]
        if len(later) > 1:
            return later[1]
        time.sleep(0.02)
    raise AssertionError("writing did not go on")
