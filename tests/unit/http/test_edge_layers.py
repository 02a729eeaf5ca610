"""Each layer around the API by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from tests.support.asgi import call, echo

from aimo.http.asgi_types import App, Receive, Scope, Send
from aimo.http.edge.cors import Cors
from aimo.http.edge.error_handler import ErrorHandler
from aimo.http.edge.etag import JsonEtags, weak_etag
from aimo.http.edge.foreign_forms import ForeignForms
from aimo.http.edge.head import Head
from aimo.http.edge.not_found import NotFound
from aimo.http.edge.paths import PathDecoder
from aimo.http.edge.request_id import RequestId
from aimo.http.edge.route_table import RouteTable
from aimo.http.edge.security import SecurityHeaders
from aimo.http.input.senders import Senders
from aimo.origins import parse_origins

# CORS and security headers


async def test_only_origins_that_are_trusted_get_credentials() -> None:
    senders = Senders(listed=parse_origins("https://desktop.test"))
    for origin in ("https://desktop.test", "http://own.test:3000"):
        reply = await call(Cors(echo, senders), headers={"Host": "own.test:3000", "Origin": origin})
        assert reply.header("access-control-allow-origin") == origin
        assert reply.header("access-control-allow-credentials") == "true"
        assert reply.header("vary") == "Origin"
    for foreign in ("http://a.test", "http://own.test", "null", None):
        headers = {"Host": "own.test:3000"} | ({"Origin": foreign} if foreign else {})
        reply = await call(Cors(echo, senders), headers=headers)
        assert reply.header("access-control-allow-origin") == "*"
        assert reply.header("access-control-allow-credentials") is None
        assert reply.header("vary") == "Origin"


async def test_every_preflight_is_answered_without_the_app() -> None:
    asked = {"Host": "own.test", "Access-Control-Request-Headers": "authorization,content-type"}
    for origin, allowed, credentials in (("null", "*", None), ("http://own.test", "http://own.test", "true")):
        reply = await call(Cors(echo, Senders()), "OPTIONS", "/no/such/path", headers=asked | {"Origin": origin})
        assert (reply.status, reply.body) == (204, b"")
        assert reply.header("access-control-allow-origin") == allowed
        assert reply.header("access-control-allow-credentials") == credentials
        assert reply.header("access-control-allow-methods") == "GET,HEAD,PUT,PATCH,POST,DELETE"
        assert reply.header("access-control-allow-headers") == "authorization,content-type"
        assert reply.header("vary") == "Origin, Access-Control-Request-Headers"
    bare = await call(Cors(echo, Senders()), "OPTIONS", "*")
    assert bare.status == 204
    assert bare.header("access-control-allow-headers") is None


TAG = weak_etag(b'{"code":0}')


@pytest.mark.parametrize(
    ("layer", "method", "name", "values", "expected"),
    [
        (lambda: Cors(echo, Senders()), "OPTIONS", b"access-control-request-headers", [b"x-a", b"x-b"], 204),
        (lambda: JsonEtags(plain_json), "GET", b"if-none-match", [b'"other"', TAG], 304),
    ],
)
async def test_lists_are_read_from_every_field(
    layer: Callable[[], App], method: str, name: bytes, values: list[bytes], expected: int
) -> None:
    """A list may come in several fields (RFC 9110, section 5.3)."""

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [(name, value) for value in values]
        await layer()(scope, receive, send)

    reply = await call(split, method)
    assert reply.status == expected
    if expected == 204:
        assert reply.header("access-control-allow-headers") == "x-a, x-b"


FORMS = ("application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x", " text/plain;charset=UTF-8")


@pytest.mark.parametrize("kind", FORMS)
async def test_a_foreign_form_is_refused_before_its_body_is_read(kind: str) -> None:
    async def unreachable(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the form got through")

    app = Cors(ForeignForms(unreachable), Senders())
    for origin in ("http://evil.test", "http://own.test:81", "null"):
        headers = {"Host": "own.test", "Origin": origin, "Content-Type": kind}
        reply = await call(app, "POST", "/api/v1/auth/login", headers=headers, pieces=[b"a"], hangs=True)
        assert (reply.status, reply.json["code"], reply.json["data"]) == (403, 5, None)
        assert "CORS_ORIGIN" in reply.json["msg"]


@pytest.mark.parametrize("kind", FORMS)
async def test_forms_of_own_pages_and_of_programs_get_through(kind: str) -> None:
    app = Cors(ForeignForms(echo), Senders())
    for sender in ({}, {"Origin": "http://own.test"}, {"Origin": "http://a.test", "Authorization": "Bearer x"}):
        headers = {"Host": "own.test", "Content-Type": kind} | sender
        assert (await call(app, "POST", headers=headers, pieces=[b"a=1"])).status == 200
    json = {"Host": "own.test", "Origin": "http://a.test", "Content-Type": "application/json"}
    assert (await call(app, "POST", headers=json, pieces=[b"{}"])).status == 200


async def test_security_headers_hurt_no_plain_http_installation() -> None:
    plain = await call(SecurityHeaders(echo, https=False))
    assert plain.header("x-content-type-options") == "nosniff"
    assert plain.header("x-frame-options") == "SAMEORIGIN"
    assert plain.header("strict-transport-security") is None
    assert "upgrade-insecure-requests" not in (plain.header("content-security-policy") or "")
    secure = await call(SecurityHeaders(echo, https=True))
    assert secure.header("strict-transport-security") == "max-age=31536000; includeSubDomains"
    assert (secure.header("content-security-policy") or "").endswith(";upgrade-insecure-requests")


async def test_pages_tell_their_own_server_where_they_are() -> None:
    """With `no-referrer` browsers send `Origin: null` with a page's own forms."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def not_modified(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 304, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for app, policy in ((page, "same-origin"), (not_modified, "same-origin"), (echo, "no-referrer")):
        reply = await call(SecurityHeaders(app, https=False))
        assert [value for name, value in reply.headers if name == "referrer-policy"] == [policy]


async def test_an_answer_keeps_its_own_security_headers() -> None:
    async def strict(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-security-policy", b"sandbox")]}
        )
        await send({"type": "http.response.body", "body": b""})

    reply = await call(SecurityHeaders(strict, https=True))
    assert [value for name, value in reply.headers if name == "content-security-policy"] == ["sandbox"]
    assert reply.header("x-frame-options") == "SAMEORIGIN"


# Request ids and errors


async def test_a_sane_request_id_is_kept_and_others_are_replaced() -> None:
    kept = await call(RequestId(echo), headers={"X-Request-Id": "trace-1.2_3"})
    assert kept.header("x-request-id") == kept.json["state"]["request_id"] == "trace-1.2_3"
    for strange in ("", "a b", "x" * 65, "a\tb", "é"):
        made = await call(RequestId(echo), headers={"X-Request-Id": strange})
        assert made.header("x-request-id") not in (strange, None)


async def test_log_lines_carry_the_id_of_their_own_request() -> None:
    seen: dict[str, Any] = {}

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.01)
        seen[scope["path"]] = structlog.contextvars.get_contextvars()["request_id"]
        await echo(scope, receive, send)

    await asyncio.gather(*(call(RequestId(slow), path=f"/{n}", headers={"X-Request-Id": f"id{n}"}) for n in range(5)))
    assert seen == {f"/{n}": f"id{n}" for n in range(5)}
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the secret is 42")


async def test_an_exception_is_one_log_line_and_tells_the_client_nothing() -> None:
    with capture_logs() as logs:
        reply = await call(RequestId(ErrorHandler(broken)), "POST", "/api/v1/memos?token=hidden", pieces=[b"private"])
    assert (reply.status, reply.json) == (500, {"status": "error", "message": "Internal server error"})
    assert len(logs) == 1
    assert (logs[0]["method"], logs[0]["route"]) == ("POST", "(none)")
    assert "hidden" not in str(logs)
    assert "private" not in str(logs)


async def test_an_exception_within_an_answer_leaves_it_unfinished() -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError

    with capture_logs() as logs:
        reply = await call(ErrorHandler(breaks))
    assert (reply.status, reply.body, reply.complete) == (200, b"half", False)
    assert [entry["answer_begun"] for entry in logs] == [True]


# Paths and methods


@pytest.mark.parametrize("path", ["/a%zz", "/a%", "/a%4", "/%ff", "/%ED%A0%80", "/%C0%AF"])
async def test_malformed_percent_encoding_is_refused(path: str) -> None:
    reply = await call(PathDecoder(echo), path=path)
    assert reply.status == 400
    assert reply.json["status"] == "error"


@pytest.mark.parametrize(
    ("path", "decoded"),
    [("/%E4%BD%A0", "/你"), ("/a%2Fb%2fc", "/a%2Fb%2Fc"), ("/a%00b", "/a\x00b"), ("/a%2520", "/a%20")],
)
async def test_paths_are_decoded_once_and_an_encoded_slash_separates_nothing(path: str, decoded: str) -> None:
    assert (await call(PathDecoder(echo), path=path)).json["path"] == decoded


async def test_head_is_get_without_its_body() -> None:
    got, headed = await call(Head(echo)), await call(Head(echo), "HEAD")
    assert headed.body == b""
    assert headed.complete
    assert headed.header("content-length") == got.header("content-length") == str(len(got.body))
    assert got.json["method"] == "GET"


ROUTES = RouteTable(
    [
        ("/api/v1/memos", {"GET", "POST"}),
        ("/api/v1/memos/vector-search", {"POST"}),
        ("/api/v1/memos/{memo_id:str}", {"GET", "PUT"}),
        ("/api/v1/memos/{memo_id:str}/tags", {"PUT"}),
        ("/", {"GET"}),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("GET", "/api/v1/memos", True),
        ("HEAD", "/api/v1/memos", True),
        ("PUT", "/api/v1/memos", False),
        ("GET", "/api/v1/memos/m1", True),
        ("GET", "/api/v1/memos/a%2Fb", True),
        ("DELETE", "/api/v1/memos/m1", False),
        ("PUT", "/api/v1/memos/m1/tags", True),
        ("PUT", "/api/v1/memos//tags", False),
        ("POST", "/api/v1/memos/vector-search", True),
        ("GET", "/API/v1/memos", False),
        ("GET", "//api/v1/memos", False),
        ("GET", "/api//v1/memos", False),
        ("GET", "/api/v1/memos/", False),
        ("GET", "/", True),
        ("GET", "//", False),
        ("GET", "*", False),
        ("GET", "", False),
        ("GET", "/api/v1/memos/a/b/c", False),
    ],
)
def test_routes_are_matched_strictly(method: str, path: str, known: bool) -> None:
    assert ROUTES.matches(method, path) is known


@pytest.mark.parametrize("template", ["/x/{rest:path}", "/x/{number:int}"])
def test_parameters_that_may_not_match_are_refused_at_start(template: str) -> None:
    with pytest.raises(ValueError, match="one text segment"):
        RouteTable([(template, {"GET"})])


async def web(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<page>"})


@pytest.mark.parametrize(
    ("method", "path", "answered"),
    [
        ("GET", "/api/v1/memos", "api"),
        ("GET", "/api/v1/memos/", "api"),
        ("PUT", "/api/v1/memos/m1/", "api"),
        ("GET", "/api/v1/nothing", "json"),
        ("HEAD", "/api/v1/nothing", "json"),
        ("POST", "/api/v1/nothing", "json"),
        ("GET", "/API/v1/nothing", "json"),
        ("GET", "/api", "json"),
        ("GET", "/api/v1/memos//", "json"),
        ("POST", "/mcp", "json"),
        ("GET", "/.well-known/oauth-authorization-server", "json"),
        ("GET", "/mcp-notes", "web"),
        ("GET", "/apifoo", "web"),
        ("HEAD", "/home", "web"),
        ("POST", "/nothing", "404"),
        ("DELETE", "/api/v1/memos", "json"),
        ("PROPFIND", "/", "404"),
    ],
)
async def test_unknown_addresses(method: str, path: str, answered: str) -> None:
    reply = await call(NotFound(echo, routes=ROUTES, web=web), method, path)
    if answered == "api":
        assert reply.json["path"] == path.rstrip("/")
    elif answered == "web":
        assert reply.body == b"<page>"
    elif answered == "json":
        assert (reply.status, reply.header("content-type")) == (404, "application/json; charset=utf-8")
        assert reply.body == b"" if method == "HEAD" else reply.json["status"] == "error"
    else:
        assert reply.status == 404
        assert reply.header("content-type") == "text/html; charset=utf-8"
        assert f"<pre>Cannot {method} {path}</pre>".encode() in reply.body


async def test_the_404_page_shows_no_markup_of_the_path() -> None:
    reply = await call(NotFound(echo, routes=ROUTES, web=web), "POST", "/<script>&\"'?q=secret")
    assert b"<script>" not in reply.body
    assert b"/&lt;script&gt;&amp;&quot;&#x27;" in reply.body
    assert b"secret" not in reply.body


# ETags


async def test_json_is_tagged_and_known_json_is_not_sent_again() -> None:
    tag = (await call(JsonEtags(plain_json))).header("etag") or ""
    assert tag.startswith('W/"')
    for known in (tag, f'"x", {tag}', "*", tag.removeprefix("W/")):
        again = await call(JsonEtags(plain_json), headers={"If-None-Match": known})
        assert (again.status, again.body, again.header("content-length"), again.header("etag")) == (304, b"", None, tag)
    changed = await call(JsonEtags(plain_json), headers={"If-None-Match": 'W/"other"'})
    assert (changed.status, changed.body) == (200, b'{"code":0}')


async def plain_json(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"code":0}'})


async def test_other_answers_are_not_tagged() -> None:
    assert (await call(JsonEtags(web))).header("etag") is None
    assert (await call(JsonEtags(echo), "POST")).header("etag") is None
