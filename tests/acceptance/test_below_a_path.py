"""`PUBLIC_URL=https://h.example/aimo` behind a proxy that passes the path on, and behind one that takes it off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.backups import PICTURE
from tests.support.client import plain_http
from tests.support.server import Server

SECRET = "0123456789abcdef0123456789abcdef"
BROWSER = {"Host": "h.example", "Origin": "https://h.example", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    web = tmp_path_factory.mktemp("web")
    (web / "assets").mkdir()
    (web / "assets/app.js").write_text("1")
    (web / "index.html").write_text('<html><head></head><script src="/assets/app.js"></script></html>')
    return module_server(PUBLIC_URL="https://h.example/aimo", AIMO_WEB_DIR=str(web), JWT_SECRET=SECRET)


class Proxied:
    """What a browser gets that asks `https://h.example` through a proxy."""

    def __init__(self, server: Server, *, strips: bool) -> None:
        self._http = plain_http(server.url)
        self._strips = strips

    def ask(self, method: str, address: str, cookie: str = "", **more: object) -> httpx.Response:
        assert address.startswith("/aimo"), f"{address} leads to another server of this host"
        sent = (address.removeprefix("/aimo") or "/") if self._strips else address
        headers = BROWSER | ({"Cookie": cookie} if cookie else {})
        return self._http.request(method, sent, headers=headers, **more)  # type: ignore[arg-type]


@pytest.fixture(params=["passed on", "taken off"])
def proxied(request: pytest.FixtureRequest, running: Server) -> Iterator[Proxied]:
    through = Proxied(running, strips=request.param == "taken off")
    yield through
    through._http.close()


def test_logging_in_uploading_and_showing_a_file_works_below_the_path(running: Server, proxied: Proxied) -> None:
    user = running.user()
    login = proxied.ask("POST", "/aimo/api/v1/auth/login", json={"email": user.email, "password": user.password})
    [cookie] = login.headers.get_list("set-cookie")
    token, *attributes = cookie.split("; ")
    assert {"Path=/aimo", "Secure", "HttpOnly"} <= set(attributes)
    uploaded = proxied.ask("POST", "/aimo/api/v1/attachments/upload", token, files={"file": ("a.png", PICTURE)})
    address = uploaded.json()["data"]["attachment"]["url"]
    assert address.startswith("/aimo/files/")
    shown = proxied.ask("GET", address)
    assert (shown.status_code, shown.content) == (200, PICTURE)
    again = proxied.ask("POST", "/aimo/api/v1/auth/logout", f"theme=dark; {token}")
    ended, of_the_host = again.headers.get_list("set-cookie")
    assert "; Path=/aimo;" in ended
    assert "; Path=/;" in of_the_host
    assert proxied.ask("GET", "/aimo/api/v1/memos", token).status_code == 401


def test_documents_and_pages_lead_below_the_path(proxied: Proxied) -> None:
    document = proxied.ask("GET", "/aimo/api/v1/openapi.json").json()
    assert document["servers"] == [{"url": "/aimo"}]
    assert 'href="/aimo/api/v1/openapi.json"' in proxied.ask("GET", "/aimo/api/v1/docs").text
    for address in ("/aimo/", "/aimo/some/page"):
        page = proxied.ask("GET", address).text
        assert '<base href="/aimo/">' in page
        assert 'src="/aimo/assets/app.js"' in page
    assert proxied.ask("GET", "/aimo/assets/app.js").text == "1"
    assert proxied.ask("GET", "/aimo/assets").headers["location"] == "/aimo/assets/"


def test_what_needs_a_token_needs_it_below_the_path_too(proxied: Proxied) -> None:
    for path in ("/api/v1/memos", "/API/v1/memos", "/metrics", "/api/v1/debug/ba/x"):
        assert proxied.ask("GET", f"/aimo{path}").status_code in (401, 403, 404), path


def test_the_server_s_own_port_works_as_before(running: Server, tmp_path: Path) -> None:
    user = running.user()
    user.post("/memos", {"content": "direct"}).data  # noqa: B018 (must succeed)
    assert json.loads(user.http.get("/api/v1/health").content)["code"] == 0
