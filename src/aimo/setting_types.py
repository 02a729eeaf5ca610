"""How the texts of settings are read: switches as the existing server does, and lists of networks."""

from __future__ import annotations

import re
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator
from pydantic.fields import FieldInfo

DEFAULT_BLOCKED_TYPES = (
    "text/html,application/html,application/xhtml+xml,application/xml,text/xml,application/javascript,"
    "text/javascript,application/x-javascript,text/ecmascript,application/ecmascript,application/x-executable,"
    "application/x-elf,application/x-msdownload,application/x-ms-exe,text/x-python,text/x-java-source,"
    "text/x-csrc,text/x-c++src,text/x-shellscript"
)

_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


def _only_true(value: object) -> object:
    return value == "true" if isinstance(value, str) else value


def _unless_false(value: object) -> object:
    return value != "false" if isinstance(value, str) else value


def _on_off(value: object) -> object:
    return _switch(value, "on or off")


def _true_false(value: object) -> object:
    return _switch(value, "true or false")


def _switch(value: object, expected: str) -> object:
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word not in _ON + _OFF:
        raise ValueError(f"must be {expected}")
    return word in _ON


_ON = ("on", "true", "1", "yes")
_OFF = ("off", "false", "0", "no")

# The two ways in which the existing server reads a switch, whatever it says, and this server's own.
OnlyTrue = Annotated[bool, BeforeValidator(_only_true)]
UnlessFalse = Annotated[bool, BeforeValidator(_unless_false)]
OnOff = Annotated[bool, BeforeValidator(_on_off)]
TrueFalse = Annotated[bool, BeforeValidator(_true_false)]


def lenient_value(field: FieldInfo, text: str) -> bool | None:
    """Return what a text counts as for a switch that takes any; None where the field is none."""
    for marker in field.metadata:
        if isinstance(marker, BeforeValidator) and marker.func in (_only_true, _unless_false):
            return text == "true" if marker.func is _only_true else text != "false"
    return None


def lower_case(value: object) -> object:
    """Return a choice as it is named here: MySQL's own tools write theirs in capitals, and some with hyphens."""
    return value.strip().lower().replace("-", "_") if isinstance(value, str) else value


# To be put before the values that there are.
AnyCase = BeforeValidator(lower_case)


def parse_zone(text: str) -> str:
    """Return the IANA name of a time zone, which may be written in any case.

    Raises:
        ValueError: there is none of that name.
    """
    names = {name.lower(): name for name in available_timezones()}
    if found := names.get(text.strip().lower()):
        return found
    near = get_close_matches(text.lower(), names, n=1)
    meant = f" (is {names[near[0]]} meant?)" if near else ""
    raise ValueError(f"must be an IANA time zone such as Asia/Shanghai{meant}")


def parse_http_url(text: str) -> str:
    """Return the address of a service without spaces around it.

    Raises:
        ValueError: it is none that can be asked over HTTP.
    """
    url = text.strip()
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or _BLANK.search(url):
        raise ValueError("must be an address such as https://api.example.org/v1")
    return url


HttpUrl = Annotated[str, AfterValidator(parse_http_url)]


def parse_networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of a comma list.

    Raises:
        ValueError: one of them is none.
    """
    try:
        return tuple(ip_network(part.strip().strip("[]"), strict=False) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be a comma list of addresses and networks such as 127.0.0.1, 10.0.0.0/8") from None
