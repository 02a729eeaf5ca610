"""Ends connections that take places and send nothing, which the HTTP server cannot do by itself.

Granian ends an HTTP/1 connection whose headers do not come. Before it knows which HTTP a connection speaks it waits for
ever, so one that sends nothing, or the beginning of HTTP/2's greeting, keeps its place. The kernel knows how much each
connection has sent and since when it has been silent (``TCP_INFO`` of Linux); elsewhere the guard does nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import socket
import stat
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

GREETING_BYTES: Final = 24
"""Length of HTTP/2's greeting; every HTTP/1 request is longer."""

_EVERY_SECONDS = 3.0
_SILENT_MS = 15_000
# Under pressure nothing that was active a moment ago is ended.
_IDLE_MS = 2_000
_PRESSURE = 0.75

# Offsets in `struct tcp_info` of <linux/tcp.h>, which only grows at its end.
_LAST_DATA_SENT, _LAST_DATA_RECEIVED, _BYTES_RECEIVED, _SIZE = 44, 52, 128, 136


@dataclass(frozen=True, slots=True)
class _Connection:
    """An accepted connection: its descriptor, who is at the other end, and what the kernel knows of it."""

    descriptor: int
    peer: str
    received_bytes: int
    silent_ms: int
    idle_ms: int


class ConnectionGuard:
    """Watches the connections that this process has accepted on one port."""

    def __init__(self, port: int, most: int) -> None:
        """``most`` is how many connections the server takes."""
        self._port = port
        self._pressure = int(most * _PRESSURE)

    async def run(self) -> None:
        """Look every few seconds, until it is cancelled."""
        if not sys.platform.startswith("linux"):
            return
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            if ended := await asyncio.to_thread(self.look):
                log.warning("connections that sent nothing were ended", connections=ended)

    def look(self) -> int:
        """End the connections that never said what they want, and under pressure the idlest; return how many.

        Under pressure the address with the most connections loses its idlest ones first.
        """
        connections = list(self._connections())
        doomed = {
            each.descriptor
            for each in connections
            if each.received_bytes < GREETING_BYTES and each.silent_ms >= _SILENT_MS
        }
        left = [each for each in connections if each.descriptor not in doomed]
        doomed |= _idlest(left, len(left) - self._pressure)
        return sum(self._end(descriptor) for descriptor in doomed)

    def _connections(self) -> Iterator[_Connection]:
        for entry in Path("/proc/self/fd").iterdir():
            try:
                if stat.S_ISSOCK(entry.stat().st_mode):
                    with socket.fromfd(int(entry.name), socket.AF_INET, socket.SOCK_STREAM) as copy:
                        if found := self._describe(int(entry.name), copy):
                            yield found
            except (OSError, ValueError):
                continue  # closed meanwhile, or no connection

    def _describe(self, descriptor: int, connection: socket.socket) -> _Connection | None:
        if connection.getsockname()[1:2] != (self._port,):
            return None
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
        if len(info) < _SIZE or info[0] != 1:  # TCP_ESTABLISHED
            return None
        (sent,) = struct.unpack_from("=I", info, _LAST_DATA_SENT)
        (silent,) = struct.unpack_from("=I", info, _LAST_DATA_RECEIVED)
        (received,) = struct.unpack_from("=Q", info, _BYTES_RECEIVED)
        return _Connection(descriptor, connection.getpeername()[0], received, silent, min(sent, silent))

    def _end(self, descriptor: int) -> bool:
        try:
            with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as connection:
                if connection.getsockname()[1:2] != (self._port,):
                    return False  # the number belongs to something else by now
                connection.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            return False
        return True


def _idlest(connections: list[_Connection], count: int) -> set[int]:
    """Choose at most ``count`` idle connections, one after the other from the address that then has the most."""
    sizes: dict[str, int] = defaultdict(int)
    idle: dict[str, list[_Connection]] = defaultdict(list)
    for each in sorted(connections, key=lambda each: each.idle_ms):
        sizes[each.peer] += 1
        if each.idle_ms >= _IDLE_MS:
            idle[each.peer].append(each)
    largest = [(-sizes[peer], peer) for peer in idle]
    heapq.heapify(largest)
    chosen: set[int] = set()
    while largest and len(chosen) < count:
        size, peer = heapq.heappop(largest)
        chosen.add(idle[peer].pop().descriptor)
        if idle[peer]:
            heapq.heappush(largest, (size + 1, peer))
    return chosen
