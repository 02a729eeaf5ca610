"""Where the server listens is known to be possible before anything starts, and is written as a URL."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from tests.support.ports import free_port

from aimo import config
from aimo.errors import ConfigurationError
from aimo.listening import authority, listening_address, parse_host, url_at

MakeSettings = Callable[..., config.Settings]


@pytest.mark.parametrize(
    ("given", "host"),
    [("[::]", "::"), ("::", "::"), (" [::1] ", "::1"), ("0.0.0.0", "0.0.0.0"), ("localhost", "localhost")],
)
def test_an_address_is_taken_with_and_without_brackets(settings: MakeSettings, given: str, host: str) -> None:
    assert settings(host=given).host == host


@pytest.mark.parametrize(
    "given", ["[::", "[127.0.0.1]", "::1]:3000", "[::1]:3000", "127.0.0.1:3000", "http://a", "a b", "*", "fe80::1%eth0"]
)
def test_what_is_no_address_is_one_line_that_names_host(settings: MakeSettings, given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^This setting cannot be used: HOST: must be an ") as found:
        settings(host=given)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [("::", "http://[::]:80"), ("::ffff:1.2.3.4", "http://[::ffff:1.2.3.4]:80"), ("a.test", "http://a.test:80")],
)
def test_an_address_of_ipv6_is_in_brackets_in_a_url(host: str, url: str) -> None:
    assert url_at(host, 80) == url


def test_the_host_of_the_database_and_proxies_may_be_in_brackets(settings: MakeSettings) -> None:
    chosen = settings(mysql_host="[::1]", trusted_proxies="[::1], 10.0.0.0/8")
    assert authority(str(chosen.mysql_host), 3306) == "[::1]:3306"
    assert [str(network) for network in chosen.proxies] == ["::1/128", "10.0.0.0/8"]


def test_a_name_is_resolved_to_what_is_listened_on() -> None:
    assert listening_address("localhost", free_port()) in ("127.0.0.1", "::1")
    assert parse_host("localhost") == "localhost"


@pytest.mark.parametrize("reuse", [False, True])
def test_a_port_in_use_is_one_line_that_names_it(reuse: bool) -> None:
    """Also by a program that would share it, as another server of this kind does."""
    with socket.socket() as other:
        if reuse:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"^PORT: 127.0.0.1:{port} is in use by another process; `ss "):
            listening_address("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("203.0.113.9", "HOST: 203.0.113.9:9 is no address of this machine"),
        ("2001:db8::9", r"HOST: .*\[2001:db8::9\]:9"),
        ("a" * 64, "HOST: a+ cannot be resolved"),
    ],
)
def test_an_address_of_another_machine_is_one_line_that_names_it(host: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{says}") as found:
        listening_address(host, 9)
    assert "\n" not in str(found.value)
