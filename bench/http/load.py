"""Load on a server: a few connections that are kept open, each asking again as soon as it was answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_SUCCESS = b'{"code":0,'
_PATIENCE_SECONDS = 30


@dataclass
class Sample:
    """What one round measured. Latencies are in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; one request at a time, answered with a length."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._need = -1
        self._body = 0
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._need < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            self._body = end + 4
            self._need = self._body + int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._buffer) >= self._need and self._answer and not self._answer.done():
            self._answer.set_result(bytes(self._buffer[self._body : self._need]))
            self._buffer.clear()
            self._need = -1

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server hung up"))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer; AssertionError when it is not a success."""
        assert self._transport
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        body = await self._answer
        assert body.startswith(_SUCCESS), f"{request[:300]!r} was answered with {body[:500]!r}"
        return body

    def close(self) -> None:
        """Hang up."""
        assert self._transport
        self._transport.close()


def message(port: int, token: str, method: str, path: str, body: bytes | None = None) -> bytes:
    """A whole request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body or b"")


async def ask_each(port: int, requests: Sequence[bytes]) -> list[bytes]:
    """The answers to these requests, one after the other."""
    connection = await _connect(port)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return [await connection.ask(request) for request in requests]
    finally:
        connection.close()


async def load(port: int, requests: Sequence[bytes], *, seconds: float, connections: int) -> Sample:
    """Ask these requests in turn, over and over, for so long."""
    sample = Sample()
    turns = itertools.cycle(requests)
    lines = [await _connect(port) for _ in range(connections)]
    started = time.perf_counter()
    try:
        async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
            await asyncio.gather(*(_keep_asking(line, turns, started + seconds, sample) for line in lines))
    finally:
        for line in lines:
            line.close()
    sample.seconds = time.perf_counter() - started
    return sample


async def _keep_asking(line: _Connection, turns: Iterator[bytes], until: float, sample: Sample) -> None:
    while (begun := time.perf_counter()) < until:
        await line.ask(next(turns))
        sample.latencies.append(time.perf_counter() - begun)


async def _connect(port: int) -> _Connection:
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", port)
    return connection
