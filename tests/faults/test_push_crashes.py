"""Nothing is pushed twice and at most the message on its way is lost, whatever is killed.

See docs/push.md#at-most-once.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.mariadb import MariaDB
from tests.support.seeding import Plot
from tests.support.server import AIMO, Server, environment
from tests.support.stub import Stub
from tests.support.waiting import eventually

from aimo import clock, config

MakeServer = Callable[..., Server]

RULES = 40
TOTAL = 2 * RULES


@pytest.fixture
def zone() -> str:
    """A zone in which the present hour does not end during the test."""
    return "Asia/Kolkata" if time.gmtime().tm_min in (*range(50, 60),) else "Asia/Shanghai"


def hour_in(zone: str) -> int:
    shift = {"Asia/Kolkata": 330, "Asia/Shanghai": 480}[zone]
    return int((time.time() // 60 + shift) // 60 % 24)


def planted(settings: dict[str, str], stub: Stub, hour: int, rules: int = RULES) -> None:
    """Write rules into the database while no server runs: one that runs might find them due before the test does."""
    plot = Plot()
    uid = plot.user()
    plot.memo(uid, "今天读完了一本书", created_at=clock.now_ms())
    for number in range(rules):
        meow = {"type": "meow", "nickname": f"{number}-meow"}
        feishu = {"type": "feishu", "webhookUrl": f"{stub.url}/sink/feishu/{number}-feishu", "secret": "s"}
        plot.push_rule(uid, f"rule {number}", hour, [meow, feishu])
    chosen = {name.lower(): value for name, value in settings.items()}
    asyncio.run(plot.plant_rows(config.load(_env_file=None, **chosen)))


@pytest.fixture
def installation(stub: Stub, zone: str, tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers that are not started yet; those of one test share all their data."""
    made: list[Server] = []

    def make(**database: str) -> Server:
        data = {"AIMO_DATA_DIR": str(tmp_path / "data"), **database}
        chosen = {**stub.settings(), "EMBEDDER": "local", "LOCALE_TIMEZONE": zone}
        made.append(Server(tmp_path / f"server-{len(made)}", data | chosen))
        return made[-1]

    yield make
    for one in made:
        one.close()


def arrived(stub: Stub) -> list[str]:
    return [item["path"].rpartition("/")[2] for item in stub.sink()]


def run_push(server: Server, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(AIMO), "push", *arguments],
        env=environment(server.settings),
        cwd=server.folder,
        stdout=subprocess.PIPE,
        stderr=(server.folder / "command.log").open("a"),
        text=True,
    )


@contextlib.contextmanager
def starting(server: Server) -> Iterator[None]:
    """Start a server in the background; it may be killed before it has come up."""

    def start() -> None:
        with contextlib.suppress(AssertionError, AttributeError):
            server.start(timeout=120)

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def wait_for_pushes(stub: Stub) -> list[str]:
    """What has arrived once nothing arrives any more."""
    before = -1
    while len(stub.sink()) != before:
        before = len(stub.sink())
        time.sleep(3)
    return arrived(stub)


def test_a_kill_in_the_middle_of_a_push_hour(
    installation: MakeServer, migrated_database: dict[str, str], stub: Stub, zone: str
) -> None:
    running = installation(**migrated_database)
    planted(running.settings, stub, hour_in(zone))
    with starting(running):
        eventually(lambda: len(stub.sink()) >= TOTAL // 4, "pushes begin", timeout=120, interval=0.005)
        running.kill()
    assert len(stub.sink()) < TOTAL, "the kill came too late to mean anything"

    running.start()
    eventually(lambda: len(stub.sink()) >= TOTAL - 1, "the rest arrives", timeout=120)
    seen = Counter(wait_for_pushes(stub))
    assert [name for name, times in seen.items() if times > 1] == []
    assert len(seen) >= TOTAL - 1
    assert "今天读完了一本书" in stub.sink()[0]["json"]["msg"]

    status = run_push(running, "status").communicate(timeout=120)[0]
    assert f"{len(seen)} sent" in status or f"{len(seen) - 1} sent" in status, status


def test_two_servers_and_commands_on_one_database(
    installation: MakeServer, mariadb: MariaDB, mysql_template: str, stub: Stub, zone: str
) -> None:
    shared = mariadb.create_database(like=mysql_template)
    first, second = installation(**shared), installation(**shared)
    planted(first.settings, stub, hour_in(zone))
    command = run_push(first, "run", "--hour", str(hour_in(zone)))
    with starting(first), starting(second):
        eventually(lambda: len(stub.sink()) >= TOTAL // 4, "pushes begin", timeout=120, interval=0.005)
        first.kill()
    told = command.communicate(timeout=120)[0]
    assert command.returncode == 0, told + (first.folder / "command.log").read_text()[-3000:]
    eventually(lambda: len(stub.sink()) >= TOTAL - 1, "the rest arrives", timeout=120)
    seen = Counter(wait_for_pushes(stub))
    assert [name for name, times in seen.items() if times > 1] == []
    assert len(seen) >= TOTAL - 1, run_push(second, "status").communicate(timeout=120)[0]


def test_commands_at_once_send_what_a_past_hour_owes_once(installation: MakeServer, stub: Stub, zone: str) -> None:
    place = installation()
    hour = (hour_in(zone) + 23) % 24
    planted(place.settings, stub, hour)
    told = [one.communicate(timeout=120)[0] for one in [run_push(place, "run", "--hour", str(hour)) for _ in range(2)]]
    assert sorted(arrived(stub)) == sorted(f"{n}-{kind}" for n in range(RULES) for kind in ("meow", "feishu")), told
    assert run_push(place, "run").communicate(timeout=120)[0].strip().endswith("0 rules without content.")
    assert len(stub.sink()) == TOTAL
    assert f"{TOTAL} sent." in run_push(place, "status").communicate(timeout=120)[0]


def test_a_service_that_is_down_gets_its_messages_when_it_is_back(
    installation: MakeServer, stub: Stub, zone: str
) -> None:
    running = installation()
    planted(running.settings, stub, hour_in(zone), rules=1)
    stub.stop()
    told = run_push(running, "run").communicate(timeout=120)[0]
    assert "2 to be tried again" in told
    assert "waiting" in run_push(running, "status").communicate(timeout=120)[0]
    stub.start()
    running.start()
    eventually(lambda: len(stub.sink()) == 2, "the running server tries again", timeout=120)
    assert sorted(wait_for_pushes(stub)) == ["0-feishu", "0-meow"]
