"""Where a request really comes from, behind proxies that are trusted (docs/decisions/21-rate-limits.md)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aimo.http.asgi_types import Scope, header

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Any of these, or any X-Forwarded- header, comes from a proxy.
_FORWARDED = (
    b"forwarded",
    b"via",
    b"x-real-ip",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"x-original-host",
    b"x-envoy-external-address",
    b"true-client-ip",
    b"fastly-client-ip",
    b"cf-connecting-ip",
    b"cdn-loop",
)


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address of the client: of the connection, or what the trusted proxies in front say.

    ``X-Forwarded-For`` is read from its right end, where each proxy has added whom it was asked by, up to the
    first address that is no trusted proxy: everything further left may be invented.
    """
    peer = _peer(scope)
    address = _parse(peer)
    if address is None:
        return peer
    for hop in reversed(_forwarded_addresses(scope)):
        if not _is_trusted(address, trusted):
            break
        before = _parse(hop)
        if before is None:
            break
        address = before
    return str(address)


def is_local(scope: Scope) -> bool:
    """Return whether a request was made on this machine, and not merely handed on by a proxy that runs here.

    A proxy is known by the headers it adds, or by a public name in ``Host``; one that hides both looks like
    a client. The name also tells a page whose name was made to lead here (DNS rebinding).
    """
    peer = _parse(_peer(scope))
    forwarded = any(name in _FORWARDED or name.startswith(b"x-forwarded-") for name, _ in scope["headers"])
    return peer is not None and peer.is_loopback and not forwarded and _host_is_loopback(scope)


def is_from_a_page(scope: Scope) -> bool:
    """Return whether a page in a browser made a request, rather than a program or somebody who typed the address."""
    site = header(scope, b"sec-fetch-site")
    named = any(header(scope, name) is not None for name in (b"origin", b"referer"))
    return named or site not in (None, b"none")


def comes_from_proxy(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Return whether a trusted proxy made the connection, whose headers about the request are believed."""
    peer = _parse(_peer(scope))
    return peer is not None and _is_trusted(peer, trusted)


def _host_is_loopback(scope: Scope) -> bool:
    hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
    return all(_is_loopback_name(host) for host in hosts)


def _is_loopback_name(host: str) -> bool:
    address = _parse(host)
    return host.partition(":")[0] == "localhost" or (address is not None and address.is_loopback)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _forwarded_addresses(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for value in values for hop in value.split(",")]


def _parse(text: str) -> Address | None:
    """Return an address, with or without a port; one of IPv4 inside IPv6 is the former."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
