"""Requests to addresses that a user gave, kept away from everything that is not the public internet.

A host name is resolved once; every address it has must be public, or named in ``OUTBOUND_ALLOW``;
the connection goes to one of exactly those addresses. So a name that changes its address between
the check and the request (DNS rebinding) gains nothing. Redirects are not followed, proxies of
the environment not used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from threading import Thread
from typing import Any

import httpx

from aimo.errors import AimoError, Code, ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[list[str]]]

SECONDS = 10.0
MOST_BYTES = 256 * 1024
MOST_LOOKUPS = 8

# Not for public use by the IANA special-purpose registries, whatever the Python release thinks of them.
_CLOSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "168.63.129.16/32",  # public, yet a cloud's interface to its machines
        ),
    )
)
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
# Inside the open range: protocol assignments with Teredo, documentation, 6to4.
_CLOSED_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024
_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class Refused(Enum):
    """Why an address must not be requested."""

    URL = "url"
    HOST = "host"
    PORT = "port"
    PLAIN = "plain"
    UNKNOWN = "unknown"


class AddressRefusedError(AimoError):
    """An address that must not be requested, with the kind of reason."""

    def __init__(self, message: str, kind: Refused) -> None:
        self.kind = kind
        super().__init__(Code.PARAMS_ERROR, f"This address cannot be used: {message}")


class OutboundError(Exception):
    """A request did not end in an answer. ``sent`` says whether the other side may have got it all the same."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the body, cut at the limit of the request."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")


class OutboundClient:
    """Sends requests to user-given URLs, where they may go at all."""

    def __init__(
        self,
        allow: str = "",
        *,
        resolve: Resolver | None = None,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """``allow`` is a comma list of host names, addresses and networks that may be reached although not public.

        ``seconds`` bounds a whole request, name resolution included; ``most_bytes`` what is read of an answer.

        Raises:
            ConfigurationError: an entry of ``allow`` is neither a host name nor a network.
        """
        self._hosts: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in filter(None, (part.strip().strip("[]").lower() for part in allow.split(","))):
            self._allow(entry)
        self._resolve = resolve or _Resolver().resolve
        self._seconds = seconds
        self._most_bytes = most_bytes

    async def check(self, url: str, *, resolvable: bool = True) -> None:
        """Refuse a URL that must not be requested.

        A URL that is only handed on need not be ``resolvable`` from here: who fetches it may know more names.

        Raises:
            AddressRefusedError: PARAMS_ERROR; the text says what is wrong with it.
        """
        try:
            await self.judge(url)
        except AddressRefusedError as refusal:
            if resolvable or refusal.kind is not Refused.UNKNOWN:
                raise

    async def judge(self, url: str, *, encrypted: bool = False) -> list[Address]:
        """Return the addresses that a request to a URL may connect to.

        ``encrypted`` demands https, except of hosts that are named in ``OUTBOUND_ALLOW``.

        Raises:
            AddressRefusedError: PARAMS_ERROR; the text says what is wrong with it.
        """
        parsed = _parse(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._addresses(parsed, encrypted=encrypted)
        except (OutboundError, TimeoutError):
            raise _refusal("its host cannot be resolved", Refused.UNKNOWN) from None

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        text: str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, with a body of JSON or plain text if any, and give its answer, also a redirect or an error.

        Raises:
            AimoError: PARAMS_ERROR when the URL must not be requested; nothing was sent then.
            OutboundError: there is no answer.
        """
        sending = _SendWatcher()
        parsed = _parse(url)
        # A compressed answer could unpack to more than the limit before it is seen.
        request = httpx.Request(
            method,
            parsed.copy_merge_params(dict(params)) if params else parsed,
            json=json,
            content=None if text is None else text.encode("utf-8", "replace"),
            headers={
                "Accept-Encoding": "identity",
                "User-Agent": "aimo",
                **({} if text is None else {"Content-Type": "text/plain; charset=utf-8"}),
                **(headers or {}),
            },
            extensions={
                "trace": sending.watch,
                "timeout": httpx.Timeout(self._seconds, connect=self._seconds / 2).as_dict(),
            },
        )
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(await self._addresses(parsed), request)
        except TimeoutError:
            raise OutboundError(f"no answer within {self._seconds:g} s", sent=sending.begun) from None
        except httpx.HTTPError as error:
            raise OutboundError(str(error) or type(error).__name__, sent=sending.begun) from error

    async def _exchange(self, addresses: list[Address], request: httpx.Request) -> Answer:
        # A client of its own: a connection kept open for one name must not serve another name of that address.
        async with httpx.AsyncClient(transport=_PinnedTransport(addresses), trust_env=False) as client:
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                body = b""
                async for piece in response.aiter_raw():
                    body += piece[: self._most_bytes - len(body)]
                    if len(body) >= self._most_bytes:
                        break
            finally:
                await response.aclose()
            return Answer(response.status_code, body)

    async def _addresses(self, parsed: httpx.URL, *, encrypted: bool = False) -> list[Address]:
        """Return the addresses that a request to this URL may connect to."""
        host = parsed.raw_host.decode("ascii").rstrip(".").lower()
        port = parsed.port or _DEFAULT_PORTS[parsed.scheme]
        literal = _literal(host)
        trusted = host in self._hosts
        if not trusted and literal is None and _looks_numeric(host):
            raise _refusal("its host is a number in an unusual notation")
        try:
            addresses = [literal] if literal else await self._looked_up(host, port)
        except (OSError, UnicodeError, ValueError):
            raise OutboundError(f"the host {host} cannot be resolved", sent=False) from None
        known = [trusted or self._is_allowed(address) for address in addresses]
        if not all(ok or is_public(address) for ok, address in zip(known, addresses, strict=True)):
            raise _refusal("it leads to an address that is not public", Refused.HOST)
        if not all(known) and port not in _DEFAULT_PORTS.values() and port < _FIRST_FREE_PORT:
            raise _refusal(f"port {port} belongs to another service", Refused.PORT)
        if encrypted and parsed.scheme != "https" and not all(known):
            raise _refusal("it must start with https://", Refused.PLAIN)
        return addresses

    async def _looked_up(self, host: str, port: int) -> list[Address]:
        found = [ipaddress.ip_address(text) for text in dict.fromkeys(await self._resolve(host, port))]
        if not found:
            raise OSError("no address")
        return found

    def _is_allowed(self, address: Address) -> bool:
        plain = _unwrapped(address)
        return any(address in network or plain in network for network in self._networks)

    def _allow(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            if not _NAME.fullmatch(entry) or _looks_numeric(entry.rstrip(".")):
                raise ConfigurationError(f"OUTBOUND_ALLOW: {entry!r} is no host name, address or network") from None
            self._hosts.add(entry.rstrip("."))


class _Resolver:
    """Looks host names up, a few at once.

    The system may take half a minute for a name and cannot be interrupted. In asyncio's own threads such
    lookups would hold up everything else that needs one; threads that are no daemons would hold up the exit.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MOST_LOOKUPS)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host; cancelling ends the wait, not the lookup.

        Raises:
            OSError, ValueError: there are none.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        found: Future[list[Any]] = Future()
        # The place is free when the thread is, whoever has stopped waiting before.
        found.set_running_or_notify_cancel()

        def look_up() -> None:
            try:
                found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except Exception as error:  # noqa: BLE001 (handed to the caller, who knows what it means)
                found.set_exception(error)
            with suppress(RuntimeError):  # the loop may have ended
                loop.call_soon_threadsafe(self._free.release)

        try:
            Thread(target=look_up, name="names", daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError(str(error)) from error
        return [str(address[0]) for *_, address in await asyncio.wrap_future(found)]


class _SendWatcher:
    """Watches whether a request has begun to leave this machine."""

    begun = False

    async def watch(self, event: str, info: Mapping[str, object]) -> None:
        """Take note of a step of the exchange."""
        if event.endswith(".send_request_headers.started"):
            self.begun = True


class _PinnedTransport(httpx.AsyncBaseTransport):
    """Connects to given addresses; names stay in the Host header, in SNI and in the check of the certificate."""

    def __init__(self, addresses: list[Address]) -> None:
        self._addresses = addresses
        self._inner = httpx.AsyncHTTPTransport(verify=_trust(), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address that can be connected to."""
        host = request.url.raw_host.decode("ascii").rstrip(".")
        for number, address in enumerate(self._addresses, 1):
            directed = httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(directed)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(self._addresses):
                    raise
        raise httpx.ConnectError("there is no address to connect to")

    async def aclose(self) -> None:
        """Hang up."""
        await self._inner.aclose()


@cache
def _trust() -> ssl.SSLContext:
    """Return the certificates to believe in: the bundled ones, or those of ``SSL_CERT_FILE``."""
    return httpx.create_ssl_context()


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet, embedded IPv4 addresses looked into."""
    plain = _unwrapped(address)
    if isinstance(plain, ipaddress.IPv4Address):
        return not any(plain in network for network in _CLOSED_V4)
    return plain in _OPEN_V6 and not any(plain in network for network in _CLOSED_V6)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped or NAT64 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        raise _refusal("it is not a URL") from None
    if parsed.scheme not in ("http", "https"):
        raise _refusal("it must start with http:// or https://")
    if not _NAME.fullmatch(host) and _literal(host) is None:
        raise _refusal("it has no possible host")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise _refusal("it has no possible port")
    if parsed.userinfo:
        raise _refusal("it must not hold a user name or password")
    return parsed


def _literal(host: str) -> Address | None:
    """Return the address that a host is written as, in its ordinary notation."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _looks_numeric(host: str) -> bool:
    """Return whether system resolvers would read a host as an address: ``127.1``, ``0x7f000001``, ``2130706433``."""
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _refusal(reason: str, kind: Refused = Refused.URL) -> AddressRefusedError:
    return AddressRefusedError(reason, kind)
