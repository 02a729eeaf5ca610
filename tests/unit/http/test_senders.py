"""Which pages may use the login cookie."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from aimo.http.asgi_types import Scope
from aimo.http.cookies import cleared_cookie, login_cookie, tokens_in_cookies
from aimo.http.input.senders import Senders
from aimo.origins import parse_origins

PROXY = "10.0.0.1"


def request(*headers: tuple[str, str], scheme: str = "http", peer: str = "192.0.2.7") -> Scope:
    return {
        "type": "http",
        "scheme": scheme,
        "client": (peer, 50000),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }


def trusted(host: str, origin: str | None, *more: tuple[str, str], senders: Senders | None = None) -> bool:
    given = [("Origin", origin)] if origin is not None else []
    return (senders or Senders()).assess(request(("Host", host), *given, *more)).trusted


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("notes.test", "http://notes.test"),
        ("notes.test", "http://notes.test:80"),
        ("notes.test:80", "http://notes.test"),
        ("notes.test:", "http://notes.test"),
        ("NOTES.test:3000", "http://notes.TEST:3000"),
        ("notes.test.", "http://notes.test."),
        ("192.168.1.5:3000", "http://192.168.1.5:3000"),
        ("[::1]:3000", "http://[0:0:0:0:0:0:0:1]:3000"),
        ("notes.test", None),
    ],
)
def test_the_servers_own_pages_are_trusted(host: str, origin: str | None) -> None:
    assert trusted(host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("notes.test", "null"),
        ("notes.test", ""),
        ("notes.test", "http://notes.test:8080"),
        ("notes.test:3000", "http://notes.test"),
        ("notes.test", "https://notes.test"),
        ("notes.test", "http://evil.test"),
        ("notes.test", "http://a.notes.test"),
        ("a.notes.test", "http://notes.test"),
        ("notes.test", "http://notes.test."),
        ("notes.test.", "http://notes.test"),
        ("notes.test", "http://notes.test.evil.test"),
        ("notes.test", "http://evil@notes.test"),
        ("notes.test", "http://notes.test@evil.test"),
        ("notes.test", "http://notes.test/"),
        ("notes.test", "http://notes.test/path"),
        ("notes.test", "http://notes.test, http://notes.test"),
        ("notes.test", "http://notes.test http://evil.test"),
        ("notes.test:99999", "http://notes.test:99999"),
        ("notes.test", "notes.test"),
        ("notes.test", "//notes.test"),
        ("", "http://"),
        ("notes.test/x", "http://notes.test/x"),
        ("[::1]", "http://[::2]"),
        ("[::1", "http://[::1"),
        ("127.0.0.1", "http://localhost"),
    ],
)
def test_every_other_page_is_foreign(host: str, origin: str) -> None:
    assert not trusted(host, origin)


def test_what_could_be_read_in_two_ways_is_foreign() -> None:
    own = ("Origin", "http://notes.test")
    assert not trusted("notes.test", "http://notes.test", own)
    assert not trusted("notes.test", "http://notes.test", ("Host", "notes.test"))
    assert not Senders().assess(request(own)).trusted


def test_without_an_origin_the_browsers_own_word_counts() -> None:
    for site, expected in (("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False)):
        assert trusted("notes.test", None, ("Sec-Fetch-Site", site)) is expected
    assert not trusted("notes.test", None, ("Sec-Fetch-Site", "news"))
    assert not trusted("notes.test", None, ("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site"))
    assert not trusted("notes.test", "http://evil.test", ("Sec-Fetch-Site", "same-origin"))


def test_the_public_url_and_listed_origins_are_trusted() -> None:
    senders = Senders(
        public_url="https://notes.example.org/sub", listed=parse_origins("https://Desk.test:443/, app://aimo , *")
    )
    for origin in ("https://notes.example.org", "https://desk.test", "app://aimo"):
        assert trusted("10.1.2.3:3000", origin, senders=senders), origin
    for origin in ("http://notes.example.org", "http://desk.test", "app://other", "null", "https://any.test"):
        assert not trusted("10.1.2.3:3000", origin, senders=senders), origin


@pytest.mark.parametrize("value", ["null", "notes.test", "https://a.test/path", "https://a@b.test", "https://*.test"])
def test_what_is_no_origin_cannot_be_listed(value: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        parse_origins(f"https://good.test,{value}")


def test_only_trusted_proxies_are_believed() -> None:
    senders = Senders(proxies=[ip_network("10.0.0.0/8")])
    headers = (
        ("Host", "127.0.0.1:3000"),
        ("Origin", "https://notes.test"),
        ("X-Forwarded-Host", "notes.test"),
        ("X-Forwarded-Proto", "HTTPS"),
    )
    known = senders.assess(request(*headers, peer=PROXY))
    assert (known.trusted, known.secure) == (True, True)
    stranger = senders.assess(request(*headers))
    assert (stranger.trusted, stranger.secure) == (False, False)


def test_an_https_page_in_front_of_a_server_that_was_not_told_works_in_present_browsers() -> None:
    headers = (("Host", "notes.test"), ("Origin", "https://notes.test"))
    sender = Senders().assess(request(*headers, ("Sec-Fetch-Site", "same-origin")))
    assert (sender.trusted, sender.secure) == (True, True)
    assert not Senders().assess(request(*headers)).trusted
    assert not Senders().assess(request(*headers, ("Sec-Fetch-Site", "same-site"))).trusted


def test_the_cookie_is_secure_where_the_connection_is() -> None:
    public = Senders(public_url="https://notes.test")
    for senders, scope, secure in (
        (Senders(), request(("Host", "notes.test")), False),
        (Senders(), request(("Host", "notes.test"), scheme="https"), True),
        (Senders(), request(("Host", "notes.test"), ("X-Forwarded-Proto", "https")), False),
        (public, request(("Host", "notes.test")), True),
        (public, request(("Host", "notes.test:443")), True),
        (public, request(("Host", "192.168.1.5:3000")), False),
        (Senders(public_url="http://notes.test"), request(("Host", "notes.test")), False),
    ):
        senders.assess(scope)
        for cookie in (login_cookie(scope, "token"), cleared_cookie(scope)):
            assert cookie["Set-Cookie"].endswith("; Secure") is secure


def test_the_cookie_is_neither_read_nor_set_for_foreign_pages() -> None:
    cookie = ("Cookie", "a=1; aimo_token=mine; b=2")
    scope = request(("Host", "notes.test"), cookie)
    assert (tokens_in_cookies(scope), login_cookie(scope, "x")) == ([], {}), "nobody has judged it"
    Senders().assess(scope)
    assert tokens_in_cookies(scope) == ["mine"]
    foreign = request(("Host", "notes.test"), ("Origin", "http://evil.test"), cookie)
    Senders().assess(foreign)
    assert (tokens_in_cookies(foreign), login_cookie(foreign, "x"), cleared_cookie(foreign)) == ([], {}, {})


@pytest.mark.parametrize(
    "fields",
    [
        ["theme=dark", "aimo_token=mine"],
        ["aimo_token=mine", "theme=dark"],
        ["a=1; b=2", "aimo_token=mine; c=3", "d=4"],
        ["aimo_token=mine", "aimo_token=mine"],
        ['aimo_token="mine"'],
        ["aimo_token=", "aimo_token=mine"],
    ],
)
def test_every_cookie_field_is_read(fields: list[str]) -> None:
    """HTTP/2 clients send each cookie in a field of its own (RFC 9113, section 8.2.3)."""
    scope = request(("Host", "notes.test"), *(("Cookie", field) for field in fields))
    Senders().assess(scope)
    assert tokens_in_cookies(scope) == ["mine"]


def test_tokens_of_several_cookies_are_returned_once_and_not_too_many() -> None:
    """A browser keeps one of another path or domain, and a neighbouring host can plant one."""
    for value, expected in (
        ("aimo_token=a; aimo_token=a", ["a"]),
        ("aimo_token=a; aimo_token=b", ["a", "b"]),
        ("; ".join(f"aimo_token={number}" for number in range(5)), []),
    ):
        scope = request(("Host", "notes.test"), ("Cookie", value))
        Senders().assess(scope)
        assert tokens_in_cookies(scope) == expected
    split = request(("Host", "notes.test"), ("Cookie", "x=1"), ("Cookie", "aimo_token=a"))
    Senders().assess(split)
    assert tokens_in_cookies(split) == ["a"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("http://notes.test/inbox?a=b", True),
        ("http://evil.test/", False),
        ("http://notes.test:8080/", False),
        ("about:blank", False),
    ],
)
def test_without_origin_and_site_the_page_that_sent_a_request_counts(page: str, expected: bool) -> None:
    assert trusted("notes.test", None, ("Referer", page)) is expected


def test_a_site_that_contradicts_the_origin_counts() -> None:
    assert not trusted("notes.test", "http://notes.test", ("Sec-Fetch-Site", "cross-site"))
    assert not trusted("notes.test", "http://notes.test", ("Sec-Fetch-Site", "same-site"))
    assert trusted("notes.test", "http://notes.test", ("Sec-Fetch-Site", "same-origin"))
    listed = Senders(listed=parse_origins("https://desktop.test"))
    assert trusted("notes.test", "https://desktop.test", ("Sec-Fetch-Site", "cross-site"), senders=listed)
