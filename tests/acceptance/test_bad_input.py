"""Every route of the document gives any input a clear answer: no 5xx, no surprise inside, nothing half stored."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.server import AIMO, Server, environment
from tests.support.stub import Stub

BA_TOKEN = "machine-token-of-the-tests"

# Path segments as they go over the wire.
IDS = (
    "'",
    "x'%20OR%20'1'='1",
    "%22%3B--",
    "%00",
    "m%00x",
    "%F0%9F%8E%89",
    "%E6%97%A5%E8%AE%B0",
    "%ff",
    "%",
    "%zz",
    "%2e%2e",
    "..%2F..%2Fetc",
    "%20",
    "-1",
    "null",
    "*",
    "%25",
    "_" * 191,
    "a" * 192,
    "b" * 6000,
)
QUERIES = (
    "", "abc", "NaN", "1e9", "-1", "0", "1e309", "0x2", "1.5", "Infinity", "true", "null", "%00", "%ff", "%",
    "%F0%9F%8E%89", "'%20OR%201=1", "9" * 400, "x" * 5000,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**15, 10**400, 1e308, "", " ", "\u0000", "a\u0000b", "\ud800", "x\udfff", "🎉", "日记",
    "'; DROP TABLE memos; --", '"', "\\", "%", "\u202e", "a" * 70_000, [], [None], ["", " ", "🎉"], [1, True, {}],
    [["x"]], ["'"] * 300, {}, {"a": None}, {"$ne": 1}, {"toString": "x"},
)  # fmt: skip
BODIES = (
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"{}", b"{'a': 1}", b'{"content": NaN}', b"\xff\xfe{", b"\xef\xbb\xbf{}",
    b'{"content": "\\ud83d"}', b'{"content": "\\u0000"}', b'{"content": "a", "content": 1}', b'{"content": "\xff"}',
    b"[" * 100_000, b'{"a":' * 100_000, b'{"createdAt": 1e999, "content": "x"}', b'{"name": "x", "limit": -1e999}',
)  # fmt: skip
FORMS = (
    b"content=x&tags=a&tags=b",
    b"content[a]=x",
    b"content[]=x&tags[0][a]=1",
    b"name=%00&email=%ff",
    b"a[b][c][d][e][f][g]=1",
    b"&&=&=x&content",
    b"__proto__[x]=1&constructor=2&content=x",
    b"&".join(b"a%d=1" % number for number in range(2000)),
)
MULTIPART = (
    b"",
    b"--b--\r\n",
    b"--b\r\n\r\n--b--\r\n",
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xff\x00.png"\r\n\r\nx\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: \r\n\r\nx\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../a.png"\r\n\r\nx\r\n--b',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    b'x\r\n--b\r\nContent-Disposition: form-data; name="properties"\r\n\r\n{"a":\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n--b\r\n'
    b'Content-Disposition: form-data; name="properties"\r\n\r\n{"a": "\\u0000"}\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n--b\r\n'
    b'Content-Disposition: form-data; name="createdAt"\r\n\r\n99999999999999999999\r\n--b--\r\n',
)
JSON, FORM, MULTI = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"


@dataclass(frozen=True)
class Request:
    """One request as it goes over the wire."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = JSON
    machine: bool = False

    def __str__(self) -> str:
        shown = (self.body or b"")[:120]
        return f"{self.method} {self.path[:200]} {self.content_type} {shown!r}"


ENDING = {("post", "/api/v1/auth/logout"), ("delete", "/api/v1/user/sessions")}


@dataclass
class House:
    """A server with a user whose things the requests are about, and a neighbour who is none of their business."""

    server: Server
    user: Client
    neighbour: Client
    known: dict[str, str]
    operations: list[tuple[str, str, dict[str, Any]]]
    schemas: dict[str, Any]

    def send(self, request: Request) -> tuple[int, str, bytes]:
        """Status, media type and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        token = BA_TOKEN if request.machine else self.user.token
        headers = {"Authorization": f"Bearer {token}"}
        if request.body is not None:
            headers |= {"Content-Type": request.content_type, "Content-Length": str(len(request.body))}
        try:
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get_content_type(), answer.read()
        finally:
            connection.close()

    def path(self, template: str, chosen: str | None = None) -> str:
        """A path with ids of the user's own things in it, or with one chosen text."""
        for name, value in self.known.items():
            template = template.replace(f"{{{name}}}", value if chosen is None else chosen)
        assert "{" not in template, template
        return template


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def house(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> House:
    """A user with one of everything."""
    database = shared_database(request.param)
    running = module_server(
        **database,
        **module_stub.settings(),
        BA_AUTH_ENABLED="true",
        BA_AUTH_TOKEN=BA_TOKEN,
        DASHSCOPE_API_KEY="stub",
        ZHIPU_OCR_API_KEY="stub",
    )
    user, neighbour = running.user(), running.user()
    upload = {"file": ("a.png", b"\x89PNG\r\n\x1a\nx", "image/png")}
    channels = [{"type": "meow", "nickname": "x"}]
    rule = {"name": "r", "pushTime": 8, "contentType": "daily_memos", "channels": channels}
    model = {"name": "m", "provider": "openai", "apiKey": "sk-none", "modelName": "gpt"}
    document = user.get("/openapi.json").envelope
    known = {
        "memoId": user.post("/memos", {"content": "mine", "tags": ["kept"]}).data["memo"]["memoId"],
        "tagId": user.get("/tags").data["tags"][0]["tagId"],
        "categoryId": user.get("/categories").data["categories"][0]["categoryId"],
        "attachmentId": user.post("/attachments/upload", files=upload).data["attachment"]["attachmentId"],
        "conversationId": user.post("/explore/conversations", {"title": "t"}).data["conversation"]["conversationId"],
        "ruleId": user.post("/push-rules", rule).data["pushRule"]["id"],
        "cardId": "riunknown",
        "repetitionRuleId": "srrunknown",
        "notificationId": "notifunknown",
        "profileId": user.post("/review/profiles", {"name": "p"}).data["profileId"],
        "modelId": user.post("/user-models", model).data["id"],
        "reviewId": user.post("/review/sessions", {}).data["sessionId"],
        "uid": user.uid,
        "taskId": "none",
        "sessionId": "none",
        "tokenId": "none",
    }
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if (method, path) not in ENDING  # they would end the session that the others are asked with
    ]
    neighbour.post("/memos", {"content": "the neighbour's", "tags": ["theirs"]}).data  # noqa: B018 (must succeed)
    return House(running, user, neighbour, known, operations, document["components"]["schemas"])


def _is_machine(operation: dict[str, Any]) -> bool:
    return {"machine": []} in operation.get("security", [])


def _with_ids(house: House) -> Iterator[Request]:
    for method, path, operation in house.operations:
        if "{" in path:
            for chosen in IDS:
                body = (
                    b'{"content": "x", "name": "x", "title": "x", "properties": {}}'
                    if method in ("PUT", "PATCH")
                    else None
                )
                yield Request(method, house.path(path, chosen), body, machine=_is_machine(operation))


def _with_queries(house: House) -> Iterator[Request]:
    for method, path, operation in house.operations:
        names = [item["name"] for item in operation["parameters"] if item["in"] == "query"]
        if method != "GET":
            continue
        url = house.path(path)
        for name, value in itertools.product(names, QUERIES):
            yield Request(method, f"{url}?{name}={value}", machine=_is_machine(operation))
        for name in names:
            for query in (
                f"{name}=1&{name}=2",
                f"{name}[]=1",
                f"{name}[a][b]=1",
                f"{name}[0]=a&{name}[2]=b",
                f"{name}",
            ):
                yield Request(method, f"{url}?{query}", machine=_is_machine(operation))
        yield Request(method, f"{url}?{'&'.join('a=1' for _ in range(1500))}", machine=_is_machine(operation))
        yield Request(method, f"{url}?%ff%00=%ff&=&&==", machine=_is_machine(operation))


def _fields(house: House, operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get(JSON)
    if not content:
        return []
    schema = content["schema"]
    while "$ref" in schema or "allOf" in schema or "anyOf" in schema:
        options = schema.get("allOf") or schema.get("anyOf") or [schema]
        schema = next(house.schemas[option["$ref"].rpartition("/")[2]] for option in options if "$ref" in option)
    return list(schema["properties"])


def _with_bodies(house: House) -> Iterator[Request]:
    for method, path, operation in house.operations:
        # Deleting, and changing the password, for good would end the game early.
        if method in ("GET", "DELETE"):
            continue
        url, machine = house.path(path), _is_machine(operation)
        url += f"?uid={house.user.uid}" if machine else ""
        usual = {"content": "usual", "query": "usual", "name": "usual", "title": "usual", "role": "user", "image": "x"}
        fields = _fields(house, operation)
        for name, value in itertools.product(fields, VALUES):
            body = {key: text for key, text in usual.items() if key in fields} | {name: value}
            yield Request(method, url, json.dumps(body).encode(), machine=machine)
        for raw in BODIES:
            yield Request(method, url, raw, machine=machine)
        for raw in FORMS:
            yield Request(method, url, raw, FORM, machine=machine)
        for raw in MULTIPART:
            yield Request(method, url, raw, MULTI, machine=machine)
        for odd in (
            "text/plain",
            "application/json; charset=utf-16",
            "application/json; charset=nope",
            "a/b/c",
            ";",
            "multipart/form-data",
        ):
            yield Request(method, url, b'{"content": "x", "name": "x"}', odd, machine=machine)


def _ending(exception: str) -> str:
    """Where in the project an exception was raised, and what it says."""
    lines = exception.splitlines()
    ours = [line.strip() for line in lines if "/aimo/" in line]
    return f"{ours[-1] if ours else ''} {lines[-1] if lines else ''}"


@pytest.mark.parametrize("kind", [_with_ids, _with_queries, _with_bodies], ids=["ids", "queries", "bodies"])
def test_every_route_answers_any_input(house: House, kind: Callable[[House], Iterator[Request]]) -> None:
    """No answer is a server error, none lacks a body, and nothing unexpected happened inside."""
    log = house.server.log
    known = log.stat().st_size
    requests = list(kind(house))
    failures: list[str] = []
    statuses: Counter[int] = Counter()

    def run(request: Request) -> None:
        status, media_type, body = house.send(request)
        statuses[status] += 1
        if status >= 500 or (media_type == JSON and not isinstance(json.loads(body), dict)):
            failures.append(f"{request}: {status} {body[:200]!r}")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, requests))
    print(f"{len(requests)} requests: {dict(statuses)}")
    assert failures == [], "\n".join(failures[:20])
    with log.open(encoding="utf-8", errors="replace") as lines:
        lines.seek(known)
        errors = [json.loads(line) for line in lines if '"level": "error"' in line]
    surprises = Counter((error.get("route"), error["event"], _ending(error.get("exception", ""))) for error in errors)
    assert not surprises, "\n".join(map(str, surprises.items()))


def test_nothing_is_half_stored_afterwards(house: House) -> None:
    """After all of it: memos are whole, counts are right, both stores agree, and the neighbour saw nothing."""
    user = house.user
    page = user.get("/memos", limit=10_000).data
    memos = page["items"]
    assert page["pagination"]["total"] == len(memos) > 1
    assert user.get(f"/memos/{house.known['memoId']}").data["content"]
    for memo in memos[:: max(1, len(memos) // 40)]:
        word = memo["content"].strip()[:200]
        found = user.get("/memos", search=word, limit=10_000).data["items"]
        assert memo["memoId"] in {item["memoId"] for item in found}, word
        assert user.get(f"/memos/{memo['memoId']}").data["content"] == memo["content"]
    carried = Counter(tag["tagId"] for memo in memos for tag in memo["tags"])
    assert {tag["tagId"]: tag["usageCount"] for tag in user.get("/tags").data["tags"]} == {
        tag["tagId"]: carried[tag["tagId"]] for tag in user.get("/tags").data["tags"]
    }
    theirs = house.neighbour.get("/memos").data["items"]
    assert [memo["content"] for memo in theirs] == ["the neighbour's"]
    assert [tag["name"] for tag in house.neighbour.get("/tags").data["tags"]] == ["theirs"]
    doctor = subprocess.run(
        [str(AIMO), "doctor"],
        env=environment(house.server.settings),
        cwd=house.server.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert doctor.returncode == 0, doctor.stdout
