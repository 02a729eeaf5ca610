"""Where a request comes from: proxies are believed as far as they are trusted, and no further."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from aimo.http.input.client_address import client_address, is_from_a_page, is_local

NGINX = [ip_network("127.0.0.1/32")]
CHAIN = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("::1/128")]


def scope(peer: str, *forwarded: str, name: str = "x-forwarded-for") -> dict[str, Any]:
    return {"client": (peer, 5000), "headers": [(name.encode(), value.encode()) for value in forwarded]}


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.9", (), [], "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), [], "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), NGINX, "203.0.113.9"),
        ("127.0.0.1", (), NGINX, "127.0.0.1"),
        ("127.0.0.1", ("198.51.100.1",), NGINX, "198.51.100.1"),
        ("127.0.0.1", ("6.6.6.6, 198.51.100.1",), NGINX, "198.51.100.1"),
        ("127.0.0.1", ("6.6.6.6", "198.51.100.1"), NGINX, "198.51.100.1"),
        ("127.0.0.1", ("6.6.6.6, 198.51.100.1, 10.1.2.3",), CHAIN, "198.51.100.1"),
        ("127.0.0.1", ("10.9.9.9, 10.1.2.3",), CHAIN, "10.9.9.9"),
        ("127.0.0.1", ("nonsense, 10.1.2.3",), CHAIN, "10.1.2.3"),
        ("127.0.0.1", ("198.51.100.1:4711",), NGINX, "198.51.100.1"),
        ("127.0.0.1", ("[2001:db8::7]:4711",), NGINX, "2001:db8::7"),
        ("::ffff:127.0.0.1", ("198.51.100.1",), NGINX, "198.51.100.1"),
        ("::1", ("198.51.100.1",), CHAIN, "198.51.100.1"),
    ],
)
def test_client_is_the_rightmost_hop_that_is_not_trusted(
    peer: str, forwarded: tuple[str, ...], trusted: list[Any], expected: str
) -> None:
    assert client_address(scope(peer, *forwarded), trusted) == expected


def test_a_request_without_a_peer_has_no_address() -> None:
    assert client_address({"client": None, "headers": []}, NGINX) == ""
    assert not is_local({"client": None, "headers": []})


@pytest.mark.parametrize(
    ("request_", "local"),
    [
        (scope("127.0.0.1"), True),
        (scope("::1"), True),
        (scope("::ffff:127.0.0.1"), True),
        (scope("192.0.2.1"), False),
        (scope("127.0.0.1", "198.51.100.1"), False),
        (scope("127.0.0.1", "127.0.0.1"), False),
        (scope("127.0.0.1", ""), False),
        (scope("127.0.0.1", "for=198.51.100.1", name="forwarded"), False),
        (scope("127.0.0.1", "198.51.100.1", name="x-real-ip"), False),
        (scope("127.0.0.1", "https", name="x-forwarded-proto"), False),
        (scope("127.0.0.1", "1.1 proxy", name="via"), False),
        (scope("127.0.0.1", "198.51.100.1", name="cf-connecting-ip"), False),
        (scope("127.0.0.1", "memo.example.com", name="host"), False),
        (scope("127.0.0.1", "localhost.example.com", name="host"), False),
        (scope("127.0.0.1", "127.0.0.1.example.com:3000", name="host"), False),
        (scope("127.0.0.1", "localhost", "memo.example.com", name="host"), False),
        (scope("127.0.0.1", "", name="host"), False),
        (scope("127.0.0.1", "0.0.0.0:3000", name="host"), False),
        (scope("127.0.0.1", "localhost:3000", name="host"), True),
        (scope("127.0.0.1", "127.0.0.1:3000", name="host"), True),
        (scope("::1", "[::1]:3000", name="host"), True),
    ],
)
def test_what_a_proxy_or_a_rebound_name_hands_on_is_not_local(request_: Any, local: bool) -> None:
    assert is_local(request_) is local


@pytest.mark.parametrize(
    ("name", "value", "page"),
    [
        ("origin", "https://evil.example", True),
        ("origin", "null", True),
        ("origin", "http://127.0.0.1:3000", True),
        ("referer", "http://127.0.0.1:3000/", True),
        ("sec-fetch-site", "cross-site", True),
        ("sec-fetch-site", "same-site", True),
        ("sec-fetch-site", "same-origin", True),
        ("sec-fetch-site", "None", True),
        ("sec-fetch-site", "none", False),
        ("user-agent", "Prometheus/3", False),
    ],
)
def test_a_page_in_a_browser_is_told_from_a_program(name: str, value: str, page: bool) -> None:
    assert is_from_a_page(scope("127.0.0.1", value, name=name)) is page
