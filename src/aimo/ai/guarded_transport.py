"""Sends requests of client libraries to addresses that a user gave, under the rules of `aimo.outbound`.

Each request resolves its host anew, and connects to one of the addresses that were judged. Answers are bounded in
length and time: whoever runs the other side may mean harm.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from functools import cache

import httpx2

from aimo.outbound import OutboundClient

MOST_BYTES = 16 * 1024 * 1024
MOST_SECONDS = 600.0
_SENT = frozenset({"host", "accept", "authorization", "content-type", "content-length", "transfer-encoding"})


def guarded_client(outbound: OutboundClient) -> httpx2.AsyncClient:
    """Return a client that follows no redirects, uses no proxy of the environment and keeps no connection open.

    So it need not be closed once nothing is in flight.
    """
    return httpx2.AsyncClient(
        transport=GuardedTransport(outbound), follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(60)
    )


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Connects to judged addresses; names stay in the Host header, in SNI and in the check of the certificate."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound
        self._inner = httpx2.AsyncHTTPTransport(
            verify=_trust(), trust_env=False, limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to the first of the judged addresses that can be connected to.

        Raises:
            AddressRefusedError: the address must not be requested; nothing was sent.
        """
        addresses = await self._outbound.judge(str(request.url), encrypted=True)
        # Client libraries add headers of their own, some from the environment, which are nobody else's business.
        headers = {name: value for name, value in request.headers.items() if name in _SENT}
        # A compressed answer could unpack to more than the limit before it is seen.
        headers |= {"Accept-Encoding": "identity", "User-Agent": "aimo"}
        host = request.url.raw_host.decode("ascii").rstrip(".")
        for number, address in enumerate(addresses, 1):
            directed = httpx2.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await _bounded(await self._inner.handle_async_request(directed))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpx2.ConnectError("there is no address to connect to")

    async def aclose(self) -> None:
        """Hang up."""
        await self._inner.aclose()


async def _bounded(response: httpx2.Response) -> httpx2.Response:
    """Return a response whose body ends in an error where it is compressed, too long or too slow."""
    stream = response.stream
    assert isinstance(stream, httpx2.AsyncByteStream)
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        await stream.aclose()
        raise httpx2.DecodingError("the answer is compressed, which was not asked for")
    return httpx2.Response(
        response.status_code, headers=response.headers, stream=_Bounded(stream), extensions=response.extensions
    )


class _Bounded(httpx2.AsyncByteStream):
    """A body of at most so many bytes, within so many seconds."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream
        self._deadline = time.monotonic() + MOST_SECONDS

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        pieces = aiter(self._stream)
        while True:
            try:
                async with asyncio.timeout(self._deadline - time.monotonic()):
                    piece = await anext(pieces, None)
            except TimeoutError:
                raise httpx2.ReadTimeout(f"the answer takes more than {MOST_SECONDS:g} s") from None
            if piece is None:
                return
            length += len(piece)
            if length > MOST_BYTES:
                raise httpx2.ReadError(f"the answer has more than {MOST_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _trust() -> ssl.SSLContext:
    """Return the certificates to believe in: the bundled ones, or those of ``SSL_CERT_FILE``."""
    return httpx2.create_ssl_context()
