"""How the texts of settings are read: switches as the existing server does, and lists of networks."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator

DEFAULT_BLOCKED_TYPES = (
    "text/html,application/html,application/xhtml+xml,application/xml,text/xml,application/javascript,"
    "text/javascript,application/x-javascript,text/ecmascript,application/ecmascript,application/x-executable,"
    "application/x-elf,application/x-msdownload,application/x-ms-exe,text/x-python,text/x-java-source,"
    "text/x-csrc,text/x-c++src,text/x-shellscript"
)


def _only_true(value: object) -> object:
    return value == "true" if isinstance(value, str) else value


def _unless_false(value: object) -> object:
    return value != "false" if isinstance(value, str) else value


def _on_off(value: object) -> object:
    return value.lower() not in ("off", "false", "0", "no") if isinstance(value, str) else value


# The two ways in which the existing server reads a switch, and this server's own.
OnlyTrue = Annotated[bool, BeforeValidator(_only_true)]
UnlessFalse = Annotated[bool, BeforeValidator(_unless_false)]
OnOff = Annotated[bool, BeforeValidator(_on_off)]


def lower_case(value: object) -> object:
    """Return a choice as it is named here: MySQL's own tools write theirs in capitals, and some with hyphens."""
    return value.lower().replace("-", "_") if isinstance(value, str) else value


def parse_networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of a comma list.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(part.strip().strip("[]"), strict=False) for part in value.split(",") if part.strip())
