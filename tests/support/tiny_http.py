"""The smallest HTTP server: says the same to everybody and remembers what it was asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TinyHttp:
    """Answers every request with ``answer``, raw bytes; None hangs up without one; ``silent`` keeps waiting."""

    def __init__(self, answer: bytes | None = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> None:
        self.answer = answer
        self.silent = False
        self.requests: list[bytes] = []
        self.port = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            self.requests.append(head + await reader.readexactly(length))
            while self.silent:
                await asyncio.sleep(0.05)
            if self.answer is not None:
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening(server: TinyHttp, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[TinyHttp]:
    """Run a server on a free port of 127.0.0.1."""
    running = await asyncio.start_server(server._talk, "127.0.0.1", 0, ssl=tls)
    server.port = running.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.silent = False
        running.close()
