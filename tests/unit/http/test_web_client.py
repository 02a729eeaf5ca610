"""How a built client is served: packed files, policies without inline code, and no page where a file was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.asgi import Reply, call

from aimo.http.edge.security import SecurityHeaders
from aimo.http.edge.web_client import BUILT_IN, WebClient
from aimo.http.output import docs_page
from aimo.http.output.content_policy import hash_source, inline_scripts, policy

PAGE = (
    b"<html><head><style>b{}</style><script>one()</script>"
    b"<script src='/a.js'></script><script type=module>two()</script></head></html>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "sw.js").write_bytes(b"worker")
    for name, content in (("app.js", b"plain"), ("app.js.br", b"brotli"), ("app.js.gz", b"gzipped"), ("b.css", b"b")):
        (tmp_path / "assets" / name).write_bytes(content)
    return tmp_path


async def get(folder: Path | None, path: str, **headers: str) -> Reply:
    return await call(
        SecurityHeaders(WebClient(folder), https=False),
        path=path,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br", "br", b"brotli"),
        ("gzip;q=1.0, br;q=0", "gzip", b"gzipped"),
        ("GZIP", "gzip", b"gzipped"),
        ("identity", None, b"plain"),
        ("", None, b"plain"),
    ],
)
async def test_a_file_comes_as_compressed_as_the_client_can_take_it(
    folder: Path, accepted: str, encoding: str | None, body: bytes
) -> None:
    reply = await get(folder, "/assets/app.js", accept_encoding=accepted)
    assert (reply.status, reply.body) == (200, body)
    assert reply.header("content-encoding") == encoding
    assert reply.header("content-type") == "text/javascript; charset=utf-8"
    assert reply.header("cache-control") == "public, max-age=31536000, immutable"
    assert reply.header("content-length") == str(len(body))


async def test_a_file_without_a_packed_one_comes_as_it_is(folder: Path) -> None:
    reply = await get(folder, "/assets/b.css", accept_encoding="br, gzip")
    assert (reply.body, reply.header("content-encoding")) == (b"b", None)


async def test_a_missing_asset_is_no_page(folder: Path) -> None:
    missing = await get(folder, "/assets/app-0LD.js")
    assert (missing.status, missing.header("content-type")) == (404, "application/json; charset=utf-8")
    assert (await get(folder, "/some/page")).body == PAGE


async def test_a_service_worker_is_never_outdated_and_may_serve_every_page(folder: Path) -> None:
    reply = await get(folder, "/sw.js")
    assert (reply.header("cache-control"), reply.header("service-worker-allowed")) == ("no-cache", "/")
    below = await call(WebClient(folder, "/aimo"), path="/sw.js")
    assert below.header("service-worker-allowed") == "/aimo/"


async def test_no_inline_code_runs_in_the_built_in_client() -> None:
    page = await get(None, "/")
    assert page.header("content-security-policy") == policy()
    assert "unsafe" not in policy()
    assert "script-src 'self';style-src 'self';" in policy()
    assert inline_scripts(page.body) == []
    assert b"style=" not in page.body and b"<style" not in page.body
    assert BUILT_IN.joinpath("index.html").read_bytes() == page.body


async def test_another_clients_inline_scripts_are_named_by_their_bytes(folder: Path) -> None:
    allowed = (await get(folder, "/page")).header("content-security-policy") or ""
    scripts = next(part for part in allowed.split(";") if part.startswith("script-src "))
    assert scripts == f"script-src 'self' {hash_source(b'one()')} {hash_source(b'two()')}"
    assert f"style-src 'self' {hash_source(b'b{}')};" in allowed
    assert "unsafe" not in allowed


async def test_scripts_of_another_client_add_styles_where_that_is_chosen(folder: Path) -> None:
    chosen = (await call(WebClient(folder, any_styles=True), path="/page")).header("content-security-policy") or ""
    assert "style-src 'self' 'unsafe-inline';" in chosen
    assert "script-src 'self' 'sha256-" in chosen
    built_in = await call(SecurityHeaders(WebClient(any_styles=True), https=False), path="/")
    assert built_in.header("content-security-policy") == policy()


def test_the_page_of_the_api_has_the_style_that_its_policy_names() -> None:
    document = {"paths": {}, "info": {"title": "T", "version": "1"}, "servers": [{"url": "/"}]}
    page = docs_page.render(document)
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert hash_source(style.encode()) in docs_page.POLICY
    assert "unsafe" not in docs_page.POLICY
    assert "style=" not in page
