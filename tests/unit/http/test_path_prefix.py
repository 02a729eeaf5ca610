"""Below a path of a host: both kinds of proxy, every address in an answer, and what the path may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.asgi import call

from aimo.http.asgi_types import App, Receive, Scope, Send
from aimo.http.edge.path_prefix import PathPrefix
from aimo.http.edge.paths import PathDecoder
from aimo.http.edge.web_client import WebClient
from aimo.public_url import parse_public_url
from aimo.storage.signing import FileSigner


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode("utf-8", "surrogateescape")})


def answering(*headers: tuple[bytes, bytes]) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b""})

    return app


@pytest.mark.parametrize(
    ("prefix", "sent", "path"),
    [
        ("/aimo", "/aimo/api/v1/memos", "/api/v1/memos"),
        ("/aimo", "/api/v1/memos", "/api/v1/memos"),
        ("/aimo", "/aimo/", "/"),
        ("/aimo", "/", "/"),
        ("/aimo", "/aimo/aimo/x", "/aimo/x"),
        ("/aimo", "/aimox/y", "/aimox/y"),
        ("/aimo", "/AIMO/y", "/AIMO/y"),
        ("/aimo", "//aimo/api/v1/memos", "//aimo/api/v1/memos"),
        ("/aimo", "/aimo//api/v1/memos", "//api/v1/memos"),
        ("/aimo", "/aimo%2Fapi/v1/memos", "/aimo%2Fapi/v1/memos"),
        ("/aimo", "/%61imo/tags/a%2Fb", "/tags/a%2Fb"),
        ("/a/b", "/a/b/c%20d", "/c d"),
        ("/a/b", "/a/c", "/a/c"),
        ("/%E7%AC%94%E8%AE%B0", "/%e7%ac%94%e8%ae%b0/x", "/x"),
        ("/%E7%AC%94%E8%AE%B0", "/x/%e7%ac%94", "/x/笔"),
    ],
)
async def test_the_path_is_taken_off_once_where_it_is_there(prefix: str, sent: str, path: str) -> None:
    assert (await call(PathPrefix(PathDecoder(told), prefix), path=sent)).body.decode() == path


async def test_the_path_itself_leads_to_its_folder() -> None:
    app = PathPrefix(told, "/aimo")
    for method in ("GET", "HEAD"):
        reply = await call(app, method, "/aimo?a=b")
        assert (reply.status, reply.header("location")) == (301, "/aimo/?a=b")
    assert (await call(app, "POST", "/aimo")).body == b"/"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (b"/notes/", "/aimo/notes/"),
        (b"//other.test/x", "//other.test/x"),
        (b"https://other.test/x", "https://other.test/x"),
        (b"notes/", "notes/"),
    ],
)
async def test_redirects_on_this_server_name_the_path(given: bytes, shown: str) -> None:
    assert (await call(PathPrefix(answering((b"location", given)), "/aimo"))).header("location") == shown


async def test_the_cookie_belongs_to_the_path_and_replaces_one_of_the_whole_host() -> None:
    cookie = b"aimo_token=abc; Max-Age=9; Path=/; Expires=x; HttpOnly; SameSite=Lax"
    app = PathPrefix(answering((b"set-cookie", cookie), (b"set-cookie", b"other=1; Path=/; Secure")), "/aimo")
    own = "aimo_token=abc; Max-Age=9; Path=/aimo; Expires=x; HttpOnly; SameSite=Lax"
    assert [value for _, value in (await call(app)).headers] == [own, "other=1; Path=/; Secure"]
    reply = await call(app, headers={"Cookie": "theme=dark; aimo_token=old"})
    first, second, _ = (value for _, value in reply.headers)
    assert first == own
    assert second.startswith("aimo_token=; Max-Age=0; Path=/; ")


PAGE = (
    b'<!doctype html><html><head lang="en"><link rel=icon href=/favicon.ico><link href="/aimo/style.css">'
    b'<script type="module" crossorigin src="/assets/index.js"></script></head>'
    b"<body><a href='/api/v1/docs'>/api</a><img src=\"//cdn.test/x.png\"><a href='https://a.test/'>x</a>"
    b'<form action="/api/v1/x"><a href="relative">y</a><a href="/">home</a></body></html>'
)


async def test_a_page_leads_below_the_path(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "sub").mkdir()
    app = WebClient(tmp_path, "/aimo")
    for path in ("/", "/index.html", "/some/page"):
        page = (await call(app, path=path)).body.decode()
        assert '<head lang="en"><base href="/aimo/"><link rel=icon href=/aimo/favicon.ico>' in page
        for address in ('"/aimo/style.css"', '"/aimo/assets/index.js"', "'/aimo/api/v1/docs'", '"/aimo/api/v1/x"'):
            assert f"={address}" in page
        for address in ('"//cdn.test/x.png"', "'https://a.test/'", '"relative"', '"/aimo/"'):
            assert f"={address}" in page
        assert ">/api<" in page
    assert (await call(PathPrefix(app, "/aimo"), path="/aimo/sub")).header("location") == "/aimo/sub/"


async def test_a_page_with_a_base_of_its_own_has_it_below_the_path(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b'<html><head><base href="/"></head></html>')
    assert (await call(WebClient(tmp_path, "/aimo"))).body == b'<html><head><base href="/aimo/"></head></html>'
    assert (await call(WebClient(tmp_path))).body == b'<html><head><base href="/"></head></html>'


def test_addresses_of_files_name_the_path_and_are_known_with_and_without_it() -> None:
    signer = FileSigner("secret", "/aimo")
    address = signer.url("u1/2026-01-31/a b.png", 3600)
    path = address.partition("?")[0]
    assert path == "/aimo/files/u1/2026-01-31/a%20b.png"
    assert signer.key_in(path) == signer.key_in(path.removeprefix("/aimo")) == "u1/2026-01-31/a b.png"
    assert signer.key_in("/aimofiles/x") is None
    assert FileSigner("secret").url("a", 3600).partition("?")[2] == signer.url("a", 3600).partition("?")[2]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://a.test", "https://a.test"),
        ("https://a.test/", "https://a.test"),
        ("https://a.test:8443/aimo/", "https://a.test:8443/aimo"),
        ("http://[::1]:3000/a/b//", "http://[::1]:3000/a/b"),
        ("https://a.test/笔记", "https://a.test/%E7%AC%94%E8%AE%B0"),
        ("https://a.test/a;b", "https://a.test/a%3Bb"),
        ("", ""),
    ],
)
def test_the_public_url_is_taken_with_a_path(given: str, taken: str) -> None:
    assert parse_public_url(given) == taken


@pytest.mark.parametrize(
    "given",
    [
        "notes.test/aimo",
        "ftp://a.test",
        "https://",
        "https://user:secret@a.test/aimo",
        "https://a.test/aimo?x=1",
        "https://a.test/aimo#x",
        "https://a.test//aimo",
        "https://a.test/../aimo",
        "https://a.test/a%2Fb",
        "https://a.test/api",
        "https://a.test/Files/x",
        "https://a.test:port/aimo",
        "https://a b.test/aimo",
        "https://[::1/aimo",
    ],
)
def test_what_cannot_be_the_public_url_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        parse_public_url(given)
