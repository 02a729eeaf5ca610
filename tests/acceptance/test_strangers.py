"""Strangers who send halves, slowly or nothing take neither the memory nor the places of others."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.server import Server

MIB = 1024 * 1024
HOST = b"Host: 127.0.0.1\r\n"
H2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def half_a_body(path: bytes) -> bytes:
    """Announce 20 MB, and send what fits into the first packets."""
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 20000000\r\n"
    return head + b'\r\n{"content":"' + b"x" * 200_000


def half_a_form(path: bytes) -> bytes:
    kind = b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 40000000\r\n\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + kind + part + b"x" * 200_000


def a_small_slow_body(path: bytes) -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 60000\r\n"
    return head + b"\r\n" + b" " * 50_000


def half_a_head() -> bytes:
    return b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-Filler: " + b"a" * 60_000


def a_stream(number: int, times: int) -> bytes:
    """Begin a login over HTTP/2 with headers of 4 KB, ``times`` over; from the second stream on they take few bytes."""
    large = b"\x40\x01x\x7f\xbd\x1e" + b"v" * 4028  # kept in the table of headers: 127 + 0x3d + (0x1e << 7) bytes
    login = b"\x83\x86\x04\x12/api/v1/auth/login\x01\x09127.0.0.1"
    headers = login + (large if number == 1 else b"") + b"\xbe" * times
    return len(headers).to_bytes(3, "big") + b"\x01\x04" + number.to_bytes(4, "big") + headers


KINDS: list[Callable[[], bytes]] = [
    lambda: half_a_body(b"/api/v1/memos"),
    lambda: half_a_body(b"/api/v1/auth/login"),
    lambda: half_a_form(b"/api/v1/attachments/upload"),
    lambda: a_small_slow_body(b"/api/v1/auth/login"),
    lambda: a_small_slow_body(b"/api/v1/auth/register"),
    half_a_head,
    lambda: b"G",
    lambda: H2_GREETING[:20],
]


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many connections as it may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def strangers(many_files: None) -> Iterator[Callable[[int, int, bytes], list[socket.socket]]]:
    """Give a function that opens connections to a port and sends the same on each; all are closed in the end."""
    opened: list[socket.socket] = []

    def connect(port: int, count: int, sent: bytes) -> list[socket.socket]:
        fresh = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.settimeout(0.2)
            opened.append(connection)
            fresh.append(connection)
            with contextlib.suppress(OSError):  # the server may stop reading, or answer and hang up
                connection.sendall(sent)
        return fresh

    yield connect
    for connection in opened:
        connection.close()


def memory_of(server: Server) -> int:
    """Return the resident bytes of all processes of the server."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            group = (folder / "stat").read_text().rpartition(")")[2].split()[2]
            if int(group) == server.process.pid:
                total += int((folder / "statm").read_text().split()[1]) * resource.getpagesize()
    return total


def test_two_hundred_strangers_with_halves_of_requests_take_little(
    server: Callable[..., Server], strangers: Callable[[int, int, bytes], list[socket.socket]]
) -> None:
    running = server()
    alice = running.user()
    alice.get("/memos")
    idle = memory_of(running)
    for kind in KINDS:
        strangers(running.port, 25, kind())
    peak, slowest = 0, 0.0
    for _ in range(10):
        asked = time.monotonic()
        assert alice.get("/memos").status == 200
        slowest = max(slowest, time.monotonic() - asked)
        peak = max(peak, memory_of(running) - idle)
        time.sleep(0.1)
    print(f"200 strangers took {peak // MIB} MiB; the slowest of another user's requests took {slowest:.2f} s")
    assert peak < 100 * MIB
    assert slowest < 2


def test_connections_that_send_nothing_shut_nobody_out(
    server: Callable[..., Server], strangers: Callable[[int, int, bytes], list[socket.socket]]
) -> None:
    running = server()
    alice = running.user()
    strangers(running.port, 1500, b"")
    strangers(running.port, 500, H2_GREETING[:10])
    bob = running.user()
    assert bob.get("/memos").status == alice.get("/memos").status == 200


@pytest.mark.parametrize("times", [2, 14])
def test_compressed_headers_of_many_streams_take_little(
    times: int, server: Callable[..., Server], strangers: Callable[[int, int, bytes], list[socket.socket]]
) -> None:
    running = server()
    alice = running.user()
    idle = memory_of(running)
    streams = b"".join(a_stream(number, times) for number in range(1, 200, 2))
    strangers(running.port, 200, H2_GREETING + NO_SETTINGS + streams)
    peak = 0
    for _ in range(10):
        assert alice.get("/memos").status == 200
        peak = max(peak, memory_of(running) - idle)
        time.sleep(0.1)
    print(f"200 connections with 100 streams each took {peak // MIB} MiB")
    assert peak < 200 * MIB
