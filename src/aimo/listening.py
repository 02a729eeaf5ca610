"""Where the server listens: the address in `HOST`, tried before anything is opened, and how it is written in a URL."""

from __future__ import annotations

import errno
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

from aimo.errors import ConfigurationError

_NO_NAME = re.compile(r"[:/@\s,?#\[\]]")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?", re.ASCII)
# What looks like numbers is an address of IPv4 in an old form, as "0" is for 0.0.0.0, or a slip.
_NUMERIC = re.compile(r"([0-9]+|0x[0-9a-f]*)\.?", re.ASCII | re.IGNORECASE)
_EXPECTED = "must be an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::, or a name; the port goes into PORT"
_NO_ZONES = (
    "must be an address that needs no zone, since the server cannot listen on an address of one link alone; :: stands "
    "for all, those of a link among them"
)
_EXPECTED_DATABASE = "must be a name or an address, without a port, which goes into MYSQL_PORT, or a scheme"


def parse_host(text: str) -> str:
    """Return an address or name to listen on, an address of IPv6 without the brackets of a URL.

    Raises:
        ValueError: it is neither.
    """
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not _is_ipv6(host):
            raise ValueError(_EXPECTED)
    if _is_ipv6(host):
        if "%" in host or ip_address(host).is_link_local:
            raise ValueError(_NO_ZONES)
        return host
    if not (_is_ipv4(host) or (_NAME.fullmatch(host) and not _NUMERIC.fullmatch(host.rpartition(".")[2]))):
        raise ValueError(_EXPECTED)
    return host


def parse_database_host(text: str | None) -> str | None:
    """Return a host as drivers take it: an address of IPv6 without the brackets of a URL.

    Raises:
        ValueError: it is more than a host.
    """
    if text is None:
        return None
    host = text.strip().removeprefix("[").removesuffix("]")
    if not _is_ipv6(host) and _NO_NAME.search(host):
        raise ValueError(_EXPECTED_DATABASE)
    return host


def url_at(host: str, port: int) -> str:
    """Return the URL of a server without a path."""
    return f"http://{authority(host, port)}"


def authority(host: str, port: int) -> str:
    """Return host and port as in a URL, where an address of IPv6 stands in brackets."""
    return f"[{host}]:{port}" if _is_ipv6(host) else f"{host}:{port}"


def listening_address(host: str, port: int) -> str:
    """Return the numeric address to listen on, after listening on it for a moment.

    Raises:
        ConfigurationError: that is not possible; the text names HOST or PORT and what to do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"HOST: {host} cannot be resolved ({_reason(error)}); it {_EXPECTED}") from error
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise ConfigurationError(_advice(authority(host, port), port, error)) from error
    return str(address[0])


def _advice(where: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"PORT: {where} is in use by another process; `ss -ltnp 'sport = :{port}'` shows which. Stop it, or choose "
            "another PORT"
        )
    if error.errno == errno.EACCES:
        return f"PORT: this user may not listen on {where}; choose a PORT from 1024 up, and a proxy in front for {port}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST: {where} is no address of this machine; `ip address` lists them, 0.0.0.0 stands for all"
    if error.errno == errno.EAFNOSUPPORT:
        return f"HOST: this machine has no IPv6, so nothing can listen on {where}; 0.0.0.0 stands for all of IPv4"
    return f"HOST: listening on {where} failed: {_reason(error)}; HOST {_EXPECTED}"


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address)
    except ValueError:
        return False


def _is_ipv4(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv4Address)
    except ValueError:
        return False


def _reason(error: OSError | UnicodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
