"""Where a request really comes from, behind proxies that are trusted (decisions.md 17)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aimo.http.asgi import Scope, header

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Any of these, or any X-Forwarded- header, comes from a proxy.
_FORWARDED = (b"forwarded", b"via", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip")


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The address of the client: of the connection, or what the trusted proxies in front say.

    ``X-Forwarded-For`` is read from its right end, where each proxy has added whom it was asked by, up to the
    first address that is no trusted proxy: everything further left may be invented.
    """
    peer = _peer(scope)
    address = _parse(peer)
    if address is None:
        return peer
    for hop in reversed(_hops(scope)):
        if not _is_trusted(address, trusted):
            break
        before = _parse(hop)
        if before is None:
            break
        address = before
    return str(address)


def is_local(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Whether a request was made on this machine, and not merely handed on by a proxy that runs here.

    A proxy that says nothing of itself may still hand on the public name of the server; one that hides that, too,
    cannot be told from a client.
    """
    peer = _parse(_peer(scope))
    if peer is None or not peer.is_loopback or not _names_this_machine(scope):
        return False
    if not any(name in _FORWARDED or name.startswith(b"x-forwarded-") for name, _ in scope["headers"]):
        return True
    if not _is_trusted(peer, trusted):
        return False
    client = _parse(client_address(scope, trusted))
    return client is not None and client.is_loopback and not _is_trusted(client, trusted)


def comes_from_proxy(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Whether a trusted proxy made the connection, whose headers about the request are believed."""
    peer = _parse(_peer(scope))
    return peer is not None and _is_trusted(peer, trusted)


def _names_this_machine(scope: Scope) -> bool:
    host = (header(scope, b"host") or b"localhost").decode("latin-1").lower()
    address = _parse(host)
    return host.partition(":")[0] == "localhost" or (address is not None and address.is_loopback)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _hops(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for value in values for hop in value.split(",")]


def _parse(text: str) -> Address | None:
    """An address, with or without a port; one of IPv4 inside IPv6 is the former."""
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
