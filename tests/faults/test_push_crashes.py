"""Nothing is pushed twice and at most the message on its way is lost, whatever is killed (contract 14)."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from support.client import Client
from support.server import AIMO, Server, environment
from support.stub import Stub
from support.waiting import eventually

StartServer = Callable[..., Server]

RULES = 40
TOTAL = 2 * RULES


@pytest.fixture
def zone() -> str:
    """A zone in which the present hour does not end during the test."""
    return "Asia/Kolkata" if time.gmtime().tm_min in (*range(50, 60),) else "Asia/Shanghai"


def hour_in(zone: str) -> int:
    shift = {"Asia/Kolkata": 330, "Asia/Shanghai": 480}[zone]
    return int((time.time() // 60 + shift) // 60 % 24)


def make_rules(user: Client, stub: Stub, hour: int) -> None:
    for number in range(RULES):
        channels = [
            {"type": "meow", "nickname": f"{number}-meow"},
            {"type": "feishu", "webhookUrl": f"{stub.url}/sink/feishu/{number}-feishu", "secret": "s"},
        ]
        rule = {"name": f"rule {number}", "pushTime": hour, "contentType": "daily_memos", "channels": channels}
        assert user.post("/push-rules", rule).code == 0


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


def settle(stub: Stub) -> list[str]:
    """What has arrived once nothing arrives any more."""
    before = -1
    while len(stub.sink()) != before:
        before = len(stub.sink())
        time.sleep(3)
    return arrived(stub)


def test_a_kill_in_the_middle_of_a_push_hour(
    server: StartServer, database: dict[str, str], stub: Stub, zone: str
) -> None:
    running = server(**database, **stub.settings(), EMBEDDER="local", LOCALE_TIMEZONE=zone)
    user = running.user()
    assert user.post("/memos", {"content": "今天读完了一本书"}).code == 0
    make_rules(user, stub, hour_in(zone))
    assert arrived(stub) == [], "a new rule waits for the full hour"

    running.kill()
    running._process = None
    starting = threading.Thread(target=lambda: _start(running))
    starting.start()
    eventually(lambda: len(stub.sink()) >= TOTAL // 4, "pushes begin", timeout=60, interval=0.005)
    running.kill()
    starting.join()
    assert len(stub.sink()) < TOTAL, "the kill came too late to mean anything"

    running.start()
    eventually(lambda: len(stub.sink()) >= TOTAL - 1, "the rest arrives", timeout=60)
    seen = Counter(settle(stub))
    assert [name for name, times in seen.items() if times > 1] == []
    assert len(seen) >= TOTAL - 1
    assert "今天读完了一本书" in stub.sink()[0]["json"]["msg"]

    status = run_push(running, "status").communicate(timeout=60)[0]
    assert f"{len(seen)} sent" in status or f"{len(seen) - 1} sent" in status, status

    running.restart()
    assert len(settle(stub)) == len(seen), "a restart sends nothing again"


def _start(running: Server) -> None:
    try:
        running.start()
    except (AssertionError, AttributeError):
        return  # killed while it was starting


def test_two_servers_and_commands_on_one_database(
    server: StartServer, mysql_database: dict[str, str], stub: Stub, zone: str, tmp_path: Path
) -> None:
    shared = {
        **mysql_database,
        **stub.settings(),
        "EMBEDDER": "local",
        "LOCALE_TIMEZONE": zone,
        "LANCEDB_PATH": str(tmp_path / "lancedb"),
    }
    first = server(**shared)
    second = server(**shared)
    make_rules(first.user(), stub, hour_in(zone))
    first.kill()
    second.kill()
    threads = [threading.Thread(target=_start, args=(one,)) for one in (first, second)]
    for thread in threads:
        thread.start()
    command = run_push(first, "run", "--hour", str(hour_in(zone)))
    eventually(lambda: len(stub.sink()) >= TOTAL // 4, "pushes begin", timeout=60, interval=0.005)
    first.kill()
    for thread in threads:
        thread.join()
    told = command.communicate(timeout=120)[0]
    assert command.returncode == 0, told + (first.folder / "command.log").read_text()[-3000:]
    eventually(lambda: len(stub.sink()) >= TOTAL - 1, "the rest arrives", timeout=60)
    seen = Counter(settle(stub))
    assert [name for name, times in seen.items() if times > 1] == []
    assert len(seen) >= TOTAL - 1, run_push(second, "status").communicate(timeout=60)[0]


def test_a_command_sends_what_a_past_hour_owes_once(server: StartServer, stub: Stub, zone: str) -> None:
    running = server(**stub.settings(), EMBEDDER="local", LOCALE_TIMEZONE=zone)
    hour = (hour_in(zone) + 23) % 24
    make_rules(running.user(), stub, hour)
    told = [
        one.communicate(timeout=120)[0] for one in [run_push(running, "run", "--hour", str(hour)) for _ in range(2)]
    ]
    assert sorted(arrived(stub)) == sorted(f"{n}-{kind}" for n in range(RULES) for kind in ("meow", "feishu")), told
    assert run_push(running, "run").communicate(timeout=60)[0].strip().endswith("0 rules without content.")
    assert len(stub.sink()) == TOTAL
    assert f"{TOTAL} sent." in run_push(running, "status").communicate(timeout=60)[0]


def test_a_service_that_is_down_gets_its_messages_when_it_is_back(server: StartServer, stub: Stub, zone: str) -> None:
    running = server(**stub.settings(), EMBEDDER="local", LOCALE_TIMEZONE=zone)
    user = running.user()
    channels = [{"type": "feishu", "webhookUrl": f"{stub.url}/sink/feishu/late"}]
    rule = {"name": "r", "pushTime": hour_in(zone), "contentType": "daily_memos", "channels": channels}
    assert user.post("/push-rules", rule).code == 0
    stub.stop()
    told = run_push(running, "run").communicate(timeout=60)[0]
    assert "1 to be tried again" in told
    assert "waiting" in run_push(running, "status").communicate(timeout=60)[0]
    stub.start()
    eventually(lambda: arrived(stub) == ["late"], "the running server tries again", timeout=60)
    time.sleep(6)
    assert arrived(stub) == ["late"]
