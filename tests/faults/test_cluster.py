"""Several servers on a real Galera cluster: what one has written, the others have, whatever happens to a node."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.support.client import Client
from tests.support.galera import Galera
from tests.support.haproxy import HAProxy
from tests.support.mariadb import MariaDB
from tests.support.server import Server

from .steady_writer import SteadyWriter

pytestmark = pytest.mark.long

LAG_SECONDS = 1.5
RESUMED_SECONDS = 10.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Galera]:
    with Galera() as nodes:
        yield nodes


@pytest.fixture
def pair(cluster: Galera, server: Callable[..., Server]) -> tuple[Server, Server]:
    """Two servers of one installation, each at a node of its own."""
    first, second = cluster.nodes[:2]
    database = first.create_database()
    one = server(**database, EMBEDDER="local").start()
    shared = {"AIMO_DATA_DIR": str(one.data_dir), "MYSQL_PORT": str(second.port), "EMBEDDER": "local"}
    return one, server(**database | shared).start()


def test_what_one_server_has_written_the_other_knows_though_its_node_is_behind(
    cluster: Galera, pair: tuple[Server, Server]
) -> None:
    one, other = pair
    for number in range(3):
        with _behind(cluster.nodes[1]):
            author = Client(one.url).register()
            memo = author.post("/memos", {"content": f"memo {number}"}).data["memo"]
            elsewhere = Client(other.url)
            elsewhere.token = author.token
            seen = elsewhere.get(f"/memos/{memo['memoId']}")
        assert (seen.status, seen.code) == (200, 0)


def test_nodes_that_die_under_load_lose_nothing_and_writing_goes_on(
    cluster: Galera, server: Callable[..., Server], tmp_path: Path
) -> None:
    cluster.nodes[0].execute("CREATE USER IF NOT EXISTS 'haproxy'@'%%'")
    database = cluster.nodes[0].create_database()
    with ExitStack() as stack:
        ports = [node.port for node in cluster.nodes]
        proxy = stack.enter_context(HAProxy(ports, tmp_path / "haproxy.log"))
        settings = database | {"MYSQL_PORT": str(proxy.port), "EMBEDDER": "local"}
        one = server(**settings).start()
        other = server(**settings, AIMO_DATA_DIR=str(one.data_dir)).start()
        owner = Client(one.url).register()
        writers = [
            stack.enter_context(SteadyWriter(each.url, owner.token, f"{each.port} {number}"))
            for each in (one, other)
            for number in range(2)
        ]
        for node in cluster.nodes[:2]:
            time.sleep(3)
            killed = time.monotonic()
            node.kill()
            waited = [writer.resumed(killed + 0.1, RESUMED_SECONDS) - killed for writer in writers]
            print(f"a node killed: {max(waited):.2f} s until all wrote again")
            assert max(waited) < RESUMED_SECONDS
            cluster.rejoin(node)
        time.sleep(2)
    told = {memo_id for writer in writers for _, memo_id in writer.acknowledged}
    failed = sum(writer.failed for writer in writers)
    print(f"written: {len(told)} acknowledged, {failed} failed")
    assert len(told) > 50
    for node in cluster.nodes:
        rows = node.execute("SELECT memo_id FROM memos", database=database["MYSQL_DATABASE"])
        assert told <= {memo_id for (memo_id,) in rows}


@contextmanager
def _behind(node: MariaDB) -> Iterator[None]:
    """Let a node apply nothing for a while that the others write."""
    locked = threading.Event()

    def lock() -> None:
        with node.locked_for_reading():
            locked.set()
            time.sleep(LAG_SECONDS)

    locking = threading.Thread(target=lock)
    locking.start()
    assert locked.wait(10)
    yield
    locking.join()
