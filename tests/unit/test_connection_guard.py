"""Connections that send nothing lose their places; others keep theirs."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from aimo.cli import connection_guard
from aimo.cli.connection_guard import ConnectionGuard, _Connection, _idlest


class Accepting:
    """A listening socket of this process, and the connections that it has accepted."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = self._listener.getsockname()[1]
        self._kept: list[socket.socket] = []

    def connect(self, sent: bytes = b"") -> socket.socket:
        """Connect, send, and return the client's end."""
        client = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
        client.sendall(sent)
        self._kept.append(self._stack.enter_context(self._listener.accept()[0]))
        client.setblocking(False)
        return client


def is_open(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


@pytest.fixture
def accepting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accepting]:
    monkeypatch.setattr(connection_guard, "_SILENT_MS", 100)
    monkeypatch.setattr(connection_guard, "_IDLE_MS", 100)
    with ExitStack() as stack:
        yield Accepting(stack)


def test_who_never_says_what_it_wants_is_ended(accepting: Accepting) -> None:
    silent, greeting, speaking = accepting.connect(), accepting.connect(b"PRI * HTTP/2"), accepting.connect(b"x" * 40)
    guard = ConnectionGuard(accepting.port, 1000)
    assert guard.look() == 0, "they have a moment"
    time.sleep(0.15)
    fresh = accepting.connect()
    assert guard.look() == 2
    assert [is_open(each) for each in (silent, greeting, speaking, fresh)] == [False, False, True, True]


def test_other_sockets_of_the_process_are_left_alone(accepting: Accepting) -> None:
    with ExitStack() as stack:
        other = Accepting(stack).connect()
        time.sleep(0.15)
        assert ConnectionGuard(accepting.port, 1000).look() == 0
        assert is_open(other)


def test_under_pressure_the_idlest_go(accepting: Accepting) -> None:
    old = [accepting.connect(b"x" * 40) for _ in range(6)]
    time.sleep(0.15)
    new = [accepting.connect(b"x" * 40) for _ in range(2)]
    assert ConnectionGuard(accepting.port, 8).look() == 2, "six of eight places may be taken"
    assert sum(map(is_open, old)) == 4
    assert all(map(is_open, new))


def test_the_address_with_the_most_connections_loses_them() -> None:
    def of(peer: str, count: int, first: int) -> list[_Connection]:
        return [_Connection(first + number, peer, 100, 9000, 9000 - number) for number in range(count)]

    chosen = _idlest([*of("flood", 90, 0), *of("office", 20, 100), *of("home", 1, 200)], 60)
    assert len(chosen) == 60
    assert max(chosen) < 100
    assert _idlest(of("busy", 5, 0), 0) == set()
    assert _idlest([_Connection(1, "a", 100, 0, 0)], 1) == set(), "who was active a moment ago stays"
