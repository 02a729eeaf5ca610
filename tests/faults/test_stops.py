"""A stopped server finishes what it can, closes everything in order and is gone within five seconds."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.support.client import Client
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub
from tests.support.waiting import eventually

from .load import Load, assert_sound

StartServer = Callable[..., Server]

GONE_WITHIN = 5.0


def stop(server: Server, *, ctrl_c: bool = False) -> float:
    """Stop it by SIGTERM, or like a terminal by SIGINT to all its processes; seconds that it took."""
    process = server.process
    started = time.monotonic()
    if ctrl_c:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.signal(signal.SIGTERM)
    eventually(lambda: not process.running, "the server ends", timeout=20, interval=0.005)
    took = time.monotonic() - started
    assert process.exit_code == 0, server.log_tail()
    server.kill()
    return took


def since_start(server: Server) -> str:
    """Return what the processes that serve have logged since the latest start, whose first one migrates and ends."""
    before, _, after = server.log.read_text(encoding="utf-8").rpartition("AIMO listens")
    return before.rpartition("connection pool closed")[2] + after


def assert_orderly(log: str, kind: str, workers: int) -> None:
    """Each worker closes what it has opened."""
    closings = [f"{kind} connection pool closed", "LanceDB closed"]
    for closing in closings:
        assert 1 <= log.count("database pool opened") == log.count(closing) <= workers, log
    if workers == 1:
        assert log.index(closings[0]) < log.index(closings[1])
    assert "Traceback" not in log
    assert "left behind" not in log
    assert "Unexpected exit" not in log


def under_load(running: Server, kind: str, workers: int, rounds: int) -> None:
    load = Load.on(running)
    times = []
    try:
        for number in range(rounds):
            if number:
                running.start()
            time.sleep(1)
            times.append(stop(running, ctrl_c=(number + workers) % 2 == 0))
            assert_orderly(since_start(running), kind, workers)
    finally:
        load.end()
    print(f"{rounds} stops of {workers} workers on {kind} under load took up to {max(times):.2f} s")
    assert max(times) <= GONE_WITHIN
    assert_sound(running, load)


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_a_stop_under_load_is_quick_and_orderly(
    server: StartServer, migrated_database: dict[str, str], rounds: int
) -> None:
    kind = "MySQL" if "MYSQL_HOST" in migrated_database else "SQLite"
    under_load(server(**migrated_database), kind, 1, rounds)


@pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_a_stop_of_two_workers_is_as_orderly(server: StartServer, mysql_database: dict[str, str], rounds: int) -> None:
    under_load(server(**mysql_database, WORKERS="2"), "MySQL", 2, rounds)


@pytest.fixture
def talking() -> Iterator[StreamingStub]:
    stub = StreamingStub(lambda system, user: [f"piece {n} " for n in range(400)]).start()
    yield stub
    stub.stop()


def ask_streaming(client: Client, told: list[str]) -> None:
    """Read an answer for as long as it comes."""
    headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/event-stream"}
    body = {"query": "budget meeting friday"}
    try:
        with client.http.stream("POST", "/api/v1/explore", json=body, headers=headers) as reply:
            for line in reply.iter_lines():
                told.append(line)
    except httpx.TransportError:
        told.append("cut")


def read_nothing(server: Server, client: Client) -> socket.socket:
    """A client that wants a large file and does not take it."""
    file = {"file": ("a.bin", os.urandom(30_000_000), "application/octet-stream")}
    address = urlsplit(client.post("/attachments/upload", files=file).data["attachment"]["url"])
    link = socket.create_connection(("127.0.0.1", server.port))
    link.sendall(f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return link


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_stop_waits_neither_for_slow_readers_nor_for_hanging_providers(
    server: StartServer, talking: StreamingStub, workers: int
) -> None:
    running = server(**talking.settings(), WORKERS=str(workers))
    user = running.user()
    user.post("/memos", {"content": "The budget meeting is on Friday"}).data  # noqa: B018 (must succeed)
    told: list[str] = []
    reader = threading.Thread(target=ask_streaming, args=(user, told))
    reader.start()
    idle = read_nothing(running, user)
    eventually(lambda: "event: token" in told, "the answer begins", timeout=20)
    talking.configure(latency_ms=20_000)
    asking = Client(running.url)
    asking.token = user.token
    hanging = threading.Thread(target=lambda: _ask(asking))
    hanging.start()
    eventually(lambda: talking.state.in_flight >= 2, "the provider hangs")
    took = stop(running)
    idle.close()
    for thread in (reader, hanging):
        thread.join(10)
        assert not thread.is_alive()
    assert 2 < took <= GONE_WITHIN, "a request gets time to finish, but not for ever"
    log = since_start(running)
    assert "cancelling requests that outlast the shutdown" in log
    assert log.count("LanceDB closed") == workers


def _ask(client: Client) -> None:
    try:
        client.post("/memos/search/vector", {"query": "anything else"})
    except httpx.TransportError:
        return


ENDLESS = """
import asyncio, signal
from aimo.cli.signals import NOTICE

class App:
    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            signal.signal(NOTICE, signal.SIG_IGN)
            await send({"type": "lifespan.startup.complete"})
            await asyncio.sleep(600)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"up"})

def create():
    return App()

if __name__ == "__main__":
    import multiprocessing
    from aimo import config
    from aimo.cli.serve import run_http_server
    multiprocessing.set_start_method("spawn")
    run_http_server("endless:create", config.load())
"""


class Endless(Server):
    """The way a server is run, around an application that never ends by itself."""

    command = (sys.executable, "endless.py")


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    tmp_path.joinpath("endless.py").write_text(ENDLESS)
    running = Endless(tmp_path, {}).start()
    process = running.process
    try:
        process.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.running, "it waits for the application"
        started = time.monotonic()
        process.signal(signal.SIGTERM)
        eventually(lambda: not process.running, "the server ends", interval=0.005)
        assert time.monotonic() - started < 2
        assert process.exit_code == 128 + signal.SIGTERM
    finally:
        running.close()
