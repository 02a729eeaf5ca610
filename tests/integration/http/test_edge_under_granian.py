"""The layers around a real API in a real server, over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import eventually

GRANIAN = Path(sys.executable).with_name("granian")
ROOT = Path(__file__).parents[3]
GOOD = {"Authorization": "Bearer good"}
JSON = {"Content-Type": "application/json"}
LIMIT = 1_048_576


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Edge:
    """The server and one kept connection, as the recorded conformance suite talks to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        command = [str(GRANIAN), "--interface", "asgi", "--loop", "uvloop", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "tests.support.edge_app:app"]
        env = {**os.environ, "EDGE_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}
        self.process = Process(command, log=folder / "log", env=env, cwd=ROOT)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            self.connection.putheader(name, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        reply = self.connection.getresponse()
        fields = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, fields, reply.read())

    def raw(self, request: bytes, *, close_writing: bool = False) -> bytes:
        """What comes back on a connection of its own until the server has nothing more to say."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as link:
            link.sendall(request)
            if close_writing:
                link.shutdown(socket.SHUT_WR)
            got = b""
            while b"\r\n\r\n" not in got or not got.partition(b"\r\n\r\n")[2]:
                piece = link.recv(65536)
                if not piece:
                    break
                got += piece
            return got


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, bytes]], Edge]]:
    running: list[Edge] = []

    def make(web: dict[str, bytes]) -> Edge:
        folder = tmp_path_factory.mktemp("edge")
        for name, data in web.items():
            path = folder / "web" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        edge = Edge(folder)
        running.append(edge)
        eventually(edge.up, edge.process.log_tail(), timeout=30)
        return edge

    yield make
    for edge in running:
        edge.connection.close()
        edge.process.stop()


@pytest.fixture(scope="module")
def edge(start: Callable[[dict[str, bytes]], Edge]) -> Edge:
    return start(
        {
            "index.html": b"<!DOCTYPE html><title>client</title>",
            "logo.png": b"\x89PNG logo",
            "assets/app.js": b"let x = 1",
            "assets/video.mp4": os.urandom(900_000),
            "docs/index.html": b"<h1>docs</h1>",
            ".env": b"SECRET=1",
            "sub/.git/config": b"[core]",
        }
    )


def upload_body(name: str, data: bytes, filename: str = "x.bin") -> tuple[bytes, dict[str, str]]:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode()
    return head + data + b"\r\n--b--\r\n", {**GOOD, "Content-Type": "multipart/form-data; boundary=b"}


# Methods, paths, headers


def test_head_trailing_slash_and_json_tags(edge: Edge) -> None:
    got = edge.ask("GET", "/api/v1/memos/m1", headers=GOOD)
    assert got.json == {"memoId": "m1"}
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["access-control-allow-origin"] == "*"
    assert got.headers["x-request-id"]
    headed = edge.ask("HEAD", "/api/v1/memos/m1/", headers=GOOD)
    assert (headed.status, headed.body) == (200, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]
    known = edge.ask("GET", "/api/v1/memos/m1", headers={**GOOD, "If-None-Match": got.headers["etag"]})
    assert (known.status, known.body) == (304, b"")


def test_preflights_need_no_token(edge: Edge) -> None:
    reply = edge.ask("OPTIONS", "/api/v1/memos", headers={"Origin": "http://a.test"})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, "*")


def test_path_tricks_do_not_bypass_the_token(edge: Edge) -> None:
    for path in ("//api/v1/memos/m1", "/./api/v1/memos/m1", "/x/../api/v1/memos/m1"):
        assert b"<title>client</title>" in edge.ask("GET", path).body
    assert edge.ask("GET", "/API/v1/memos/m1").status == 404
    for path in ("/api//v1/memos/m1", "/%61pi/v1/memos/m1", "/api%2Fv1/memos/m1"):
        assert edge.ask("GET", path).status == 401


def test_unusual_paths_are_answered(edge: Edge) -> None:
    assert edge.ask("GET", "/api/v1/memos/a%zz", headers=GOOD).status == 400
    assert edge.ask("GET", "/%ff").status == 400
    assert edge.ask("GET", "/api/v1/memos/a%00b", headers=GOOD).json == {"memoId": "a\x00b"}
    assert edge.ask("GET", "/api/v1/memos/a%2Fb", headers=GOOD).json == {"memoId": "a%2Fb"}
    assert edge.ask("GET", "/a%00b").status == 200
    assert edge.ask("GET", "/" + "x" * 5000).status == 200
    assert edge.raw(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_unknown_addresses(edge: Edge) -> None:
    assert edge.ask("GET", "/api/v1/nothing").status == 401
    for path in ("/api/v1/nothing", "/mcp", "/.well-known/nothing"):
        nothing = edge.ask("GET", path, headers=GOOD)
        assert (nothing.status, nothing.headers["content-type"]) == (404, "application/json; charset=utf-8")
    page = edge.ask("GET", "/nothing", headers=GOOD)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    lost = edge.ask("POST", "/nothing", b"{}", JSON)
    assert lost.status == 404
    assert b"<pre>Cannot POST /nothing</pre>" in lost.body
    assert edge.ask("DELETE", "/api/v1/memos", headers=GOOD).status == 404


def test_an_exception_is_a_500_and_is_logged_once_with_its_request(edge: Edge) -> None:
    reply = edge.ask("PUT", "/api/v1/broken", b'{"private":"text"}', {**GOOD, **JSON, "X-Request-Id": "find-me-1"})
    assert (reply.status, reply.json) == (500, {"status": "error", "message": "Internal server error"})
    assert reply.headers["x-content-type-options"] == "nosniff"
    log = eventually(lambda: edge.process.log_tail(500) if "private detail" in edge.process.log_tail(500) else "")
    [told] = [line for line in log.splitlines() if "unexpected error outside of a handler" in line]
    assert "find-me-1" in told
    assert '"private"' not in log
    assert "Bearer good" not in log


# Bodies


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"a": ', "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "application/json; charset=gbk", 400),
        (b'{"a":"' + b"x" * 200_000 + b'"}', "application/json", 413),
        (b"x" * 1_500_000, "text/plain", 413),
        (b"x" * 1_500_000, "multipart/form-data; boundary=b", 413),
    ],
)
def test_bad_bodies_are_refused_once_the_token_is_known(edge: Edge, body: bytes, kind: str, status: int) -> None:
    reply = edge.ask("POST", "/api/v1/memos", body, {**GOOD, "Content-Type": kind})
    assert (reply.status, reply.json["status"]) == (status, "error")
    assert edge.ask("POST", "/api/v1/memos", body, {"Content-Type": kind}).status == 401
    assert edge.ask("POST", "/api/v1/memos", b"{}", {**GOOD, **JSON}).json == {"code": 0, "data": {}}


def test_bodies_arrive_as_objects(edge: Edge) -> None:
    form = {**GOOD, "Content-Type": "application/x-www-form-urlencoded"}
    assert edge.ask("POST", "/api/v1/memos", b"a=from+a+form&t[]=x", form).json["data"] == {
        "a": "from a form",
        "t": ["x"],
    }
    assert edge.ask("POST", "/api/v1/memos", b"hello", {**GOOD, "Content-Type": "text/plain"}).json["data"] == {}
    assert edge.ask("POST", "/api/v1/memos", headers=GOOD).json["data"] == {}
    assert edge.ask("POST", "/api/v1/memos", b"[1]", {**GOOD, **JSON}).json["data"] == {}
    chunked = (
        b"POST /api/v1/memos HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\n"
        b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
    )
    assert edge.raw(chunked).endswith(b'{"code":0,"data":{"a":1}}')


def test_unusable_text_is_a_business_error_after_the_token(edge: Edge) -> None:
    for body in (b'{"a":"\\ud800"}', b'{"a":"\\u0000"}'):
        assert edge.ask("POST", "/api/v1/memos", body, JSON).status == 401
        reply = edge.ask("POST", "/api/v1/memos", body, {**GOOD, **JSON})
        assert (reply.status, reply.json) == (200, {"code": 2, "msg": "参数错误", "data": None})


def test_a_cut_body_is_answered_and_the_server_lives_on(edge: Edge) -> None:
    head = (
        b"POST /api/v1/memos HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    assert edge.raw(head, close_writing=True).startswith(b"HTTP/1.1 400")
    assert edge.ask("GET", "/api/v1/memos/m1", headers=GOOD).status == 200


# Uploads and signed files


@pytest.mark.parametrize("size", [0, LIMIT - 1, LIMIT])
def test_uploads_up_to_the_limit_are_received(edge: Edge, size: int) -> None:
    reply = edge.ask("POST", "/api/v1/attachments/upload", *upload_body("file", b"x" * size))
    assert reply.json["size"] == size


@pytest.mark.parametrize(
    ("name", "size", "code"), [("file", LIMIT + 1, 4000), ("file", 30_000_000, 4000), ("wrong", 1_100_000, 4004)]
)
def test_refused_uploads_are_answered_although_they_were_not_read(edge: Edge, name: str, size: int, code: int) -> None:
    for _ in range(3):
        reply = edge.ask("POST", "/api/v1/user/avatar", *upload_body(name, b"x" * size))
        assert (reply.status, reply.json["code"]) == (200, code)
    assert list((edge.folder / "files/.incoming").iterdir()) == []


def test_an_upload_without_token_is_answered(edge: Edge) -> None:
    body, headers = upload_body("file", b"x" * 5_000_000)
    headers.pop("Authorization")
    for _ in range(2):
        assert edge.ask("POST", "/api/v1/attachments/upload/", body, headers).status == 401


def test_an_upload_that_is_cut_off_leaves_nothing(edge: Edge) -> None:
    head = (
        b"POST /api/v1/attachments/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 900000\r\n\r\n"
    )
    reply = edge.raw(head + upload_body("file", b"x" * 600_000)[0][:500_000], close_writing=True)
    assert b'"code":4004' in reply
    eventually(lambda: not list((edge.folder / "files/.incoming").iterdir()))


def test_a_signed_address_shows_the_file_without_a_token(edge: Edge) -> None:
    data = b"\x89PNG\r\n\x1a\n" + os.urandom(600_000)
    body, headers = upload_body("file", data, "p.png")
    url = edge.ask("POST", "/api/v1/attachments/upload", body, headers).json["url"]
    got = edge.ask("GET", url)
    assert (got.status, got.body) == (200, data)
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == "inline"
    assert got.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["cache-control"].startswith("private, max-age=")
    assert edge.ask("HEAD", url).headers["content-length"] == str(len(data))
    part = edge.ask("GET", url, headers={"Range": "bytes=100-299"})
    assert (part.status, part.body) == (206, data[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(data)}"
    assert edge.ask("GET", url, headers={"Range": "bytes=-5"}).body == data[-5:]
    assert edge.ask("GET", url, headers={"Range": "bytes=99999999-"}).status == 416
    assert edge.ask("GET", url, headers={"Range": "bytes=1-2,4-5"}).status == 200
    seen = {"If-Modified-Since": got.headers["last-modified"]}
    assert edge.ask("GET", url, headers=seen).status == 304
    old = {"Range": "bytes=0-1", "If-Range": "Thu, 01 Jan 1970 00:00:00 GMT"}
    assert edge.ask("GET", url, headers=old).status == 200
    for bad in (url[:-1], url.split("?")[0], url.replace("u1/", "u2/"), url.replace("exp=", "exp=9")):
        assert edge.ask("GET", bad).status == 403
    (edge.folder / "files" / url[7:].split("?")[0]).unlink()
    assert edge.ask("GET", url).status == 404


def test_a_stored_page_cannot_run(edge: Edge) -> None:
    body, headers = upload_body("file", b"<script>alert(1)</script>", "evil.html")
    got = edge.ask("GET", edge.ask("POST", "/api/v1/attachments/upload", body, headers).json["url"])
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in got.headers["content-security-policy"]


def test_a_disconnecting_viewer_ends_the_read(edge: Edge) -> None:
    with socket.create_connection(("127.0.0.1", edge.port)) as link:
        link.sendall(b"GET /assets/video.mp4 HTTP/1.1\r\nHost: a\r\n\r\n")
        link.recv(1000)
    time.sleep(0.3)
    assert len(edge.ask("GET", "/assets/video.mp4").body) == 900_000
    for _ in range(3):
        assert len(edge.ask("GET", "/assets/video.mp4", headers={"Range": "bytes=0-599999"}).body) == 600_000


# The web client


@pytest.mark.parametrize("path", ["/", "/home", "/settings/account", "/share/m1", "/.env", "/docs2/"])
def test_pages_of_the_client_need_no_token(edge: Edge, path: str) -> None:
    page = edge.ask("GET", path)
    assert (page.status, page.body) == (200, b"<!DOCTYPE html><title>client</title>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert edge.ask("GET", path, headers={"If-None-Match": page.headers["etag"]}).status == 304
    assert edge.ask("HEAD", path).headers["content-length"] == page.headers["content-length"]


@pytest.mark.parametrize(
    ("path", "kind", "cached"),
    [
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/assets/app.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/logo.png", "image/png", "public, max-age=86400"),
        ("/docs/", "text/html; charset=utf-8", "no-cache"),
    ],
)
def test_files_of_the_client_are_cached_by_kind(edge: Edge, path: str, kind: str, cached: str) -> None:
    got = edge.ask("GET", path)
    assert (got.status, got.headers["content-type"], got.headers["cache-control"]) == (200, kind, cached)
    assert got.headers["accept-ranges"] == "bytes"
    assert edge.ask("GET", path, headers={"If-Modified-Since": got.headers["last-modified"]}).status == 304


def test_a_folder_without_slash_redirects_and_never_elsewhere(edge: Edge) -> None:
    reply = edge.ask("GET", "/docs")
    assert (reply.status, reply.headers["location"]) == (301, "/docs/")
    assert "location" not in edge.ask("GET", "//docs").headers
    assert "location" not in edge.ask("GET", "//evil.test/..").headers


@pytest.mark.parametrize(
    "path", ["/../log", "/assets/../../log", "/%2e%2e/log", "/..%2flog", "/sub/.git/config", "/assets\\..\\..\\log"]
)
def test_nothing_outside_the_folder_is_served(edge: Edge, path: str) -> None:
    reply = edge.ask("GET", path)
    assert reply.status == 404 if path == "/assets/../../log" else b"<title>client</title>" in reply.body


def test_without_another_client_the_built_in_one_is_served_which_loads_nothing_from_elsewhere(
    start: Callable[[dict[str, bytes]], Edge],
) -> None:
    page = start({}).ask("GET", "/home")
    assert page.status == 200
    text = page.body.decode()
    assert 'src="/assets/' in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


def test_a_client_without_its_page_says_what_is_missing(start: Callable[[dict[str, bytes]], Edge]) -> None:
    page = start({"logo.png": b"x"}).ask("GET", "/")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert page.body == b"Not Found: index.html not found. Make sure web application is built."
