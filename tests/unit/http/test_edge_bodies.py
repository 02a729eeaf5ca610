"""Bodies on their way in, and answers that come before their end."""

import asyncio
from typing import Any

import pytest
from tests.support.asgi import call, echo

from aimo.errors import AimoError
from aimo.http.asgi_types import Message, Receive, Scope, Send
from aimo.http.edge.bodies import FORM_BYTES, STRANGER_BYTES, BodyParser
from aimo.http.edge.drain_body import BodyDrain
from aimo.http.input.body_budget import FREE_BYTES, BodyBudget
from aimo.http.input.text_validation import require_usable_body


def bodies(limit: int = 1000, **options: Any) -> BodyParser:
    return BodyParser(echo, max_size=limit, upload_paths={"/upload"}, **options)


async def post(*pieces: bytes, kind: str | None = "application/json", path: str = "/memos", **options: Any) -> Any:
    headers = {"content-type": kind} if kind else {}
    return await call(bodies(), "POST", path, headers=headers, pieces=pieces, **options)


@pytest.mark.parametrize(
    ("kind", "sent", "arrives"),
    [
        ("application/json", b' {"a":1}', ' {"a":1}'),
        ("Application/JSON; Charset=UTF-8", b'{"a":1}', '{"a":1}'),
        ('application/json; charset="utf8"', b'{"a":1}', '{"a":1}'),
        ("application/json", b"", "{}"),
        ("application/json", b"[1]", "{}"),
        ("application/x-www-form-urlencoded", b"a=1&b[]=2", '{"a":"1","b":["2"]}'),
        ("application/x-www-form-urlencoded; charset=UTF-8", b"", "{}"),
        ("text/plain", b"hello", "{}"),
        ("application/vnd.api+json", b'{"a":1}', "{}"),
        ("multipart/form-data; boundary=x", b"--x--", "{}"),
        (None, b'{"a":1}', "{}"),
    ],
)
async def test_every_body_arrives_as_a_json_object(kind: str | None, sent: bytes, arrives: str) -> None:
    reply = await post(sent, kind=kind)
    assert reply.json["body"] == arrives
    assert reply.json["headers"]["content-type"].lower().startswith("application/json")
    assert reply.json["headers"]["content-length"] == str(len(arrives))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
async def test_a_missing_body_is_an_empty_object(method: str) -> None:
    assert (await call(bodies(), method)).json["body"] == "{}"
    assert (await call(bodies(), method, http_version="2")).json["body"] == "{}"


async def test_a_body_in_pieces_is_put_together() -> None:
    assert (await post(b'{"a"', b":", b"1}")).json["body"] == '{"a":1}'
    headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
    reply = await call(bodies(), "POST", headers=headers, pieces=[b'{"a"', b":1}"])
    assert reply.json["body"] == '{"a":1}'
    assert "transfer-encoding" not in reply.json["headers"]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("application/json", b'{"a"'),
        ("application/json", b'"text"'),
        ("application/json; charset=latin1", b"{}"),
        ("application/json; charset=utf-16", b"{}"),
        ("application/x-www-form-urlencoded; charset=gbk", b"a=1"),
    ],
)
async def test_bad_bodies_are_refused_as_the_contract_has_it(kind: str, sent: bytes) -> None:
    reply = await post(sent, kind=kind)
    assert reply.status == 400
    assert reply.header("content-type") == "application/json; charset=utf-8"
    assert reply.json["status"] == "error"
    assert isinstance(reply.json["message"], str)


async def test_compressed_bodies_are_refused() -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert (await call(bodies(), "POST", headers=headers, pieces=[b"\x1f\x8b"])).status == 400


async def test_the_limit_is_inclusive_and_counts_what_arrives() -> None:
    def body(size: int) -> bytes:
        return b'{"a":"' + b"x" * (size - 8) + b'"}'

    assert (await post(body(1000))).status == 200
    assert (await post(body(1001))).status == 413
    assert (await post(body(500), body(501))).status == 413
    declared = await call(bodies(), "POST", headers={"content-length": "1001"}, pieces=[b"x"], hangs=True)
    assert (declared.status, declared.json["status"]) == (413, "error")
    chunked = {"transfer-encoding": "chunked", "content-type": "text/plain"}
    assert (await call(bodies(), "POST", headers=chunked, pieces=[b"x" * 600] * 2)).status == 413


async def test_a_body_slower_than_the_minimum_pace_is_refused() -> None:
    async with asyncio.timeout(5):
        reply = await call(bodies(idle_seconds=0.1), "POST", pieces=[b"{"] * 999, pause=0.02)
    assert reply.status == 408


async def test_a_slow_body_that_keeps_coming_is_taken() -> None:
    headers = {"content-type": "application/json"}
    slowly = [b" " * 90] * 9 + [b"{}"]
    reply = await call(bodies(10_000, idle_seconds=0.1), "POST", headers=headers, pieces=slowly, pause=0.02)
    assert (reply.status, reply.json["body"].strip()) == (200, "{}")


async def test_a_stalled_or_cut_body_is_refused() -> None:
    stalled = await call(bodies(idle_seconds=0.05), "POST", headers={"content-length": "10"}, pieces=[b"{"], hangs=True)
    assert stalled.status == 408

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"method": "POST", "path": "/", "headers": [(b"content-length", b"9")], "http_version": "1.1"}
    await bodies()(scope, gone, send)
    assert sent[0]["status"] == 400


async def test_uploads_pass_untouched_where_they_belong() -> None:
    multipart = b"--x\r\n" + b"y" * 5000
    for path in ("/upload", "/upload/"):
        reply = await post(multipart, kind="multipart/form-data; boundary=x", path=path)
        assert reply.json["body"] == multipart.decode()
    assert (await post(b'{"a":1}', path="/upload")).json["body"] == '{"a":1}'


async def test_unusable_text_is_marked_for_after_the_login() -> None:
    for sent, kind in ((b'{"a":"\\ud800"}', "application/json"), (b"a=%00", "application/x-www-form-urlencoded")):
        reply = await post(sent, kind=kind)
        assert reply.json["state"]["unusable_text"] is True
    with pytest.raises(AimoError):
        require_usable_body({"state": {"unusable_text": True}})
    require_usable_body({"state": {}})
    require_usable_body({})
    assert "unusable_text" not in (await post(b'{"a":"\\ud83d\\ude00"}')).json["state"]


async def test_after_the_body_the_app_waits_for_the_client_to_leave() -> None:
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.05)
        await web(scope, receive, send)

    reply = await call(BodyParser(waits, max_size=10), "POST")
    assert reply.status == 200


async def web(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<page>"})


async def test_an_early_answer_waits_until_the_body_was_sent() -> None:
    pieces = [b"x" * 1000] * 10
    left = list(pieces)

    async def receive() -> Message:
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not left

    headers = [(b"content-length", b"10000")]
    scope = {"method": "POST", "path": "/", "headers": headers, "http_version": "1.1"}
    await BodyDrain(web)(scope, receive, send)
    assert not left


async def test_draining_has_limits() -> None:
    headers = {"transfer-encoding": "chunked"}
    reply = await call(BodyDrain(web, most_bytes=2500), "POST", headers=headers, pieces=[b"x" * 1000] * 10, hangs=True)
    assert reply.status == 200
    reply = await call(BodyDrain(web, most_seconds=0.05), "POST", headers=headers, pieces=[b"x"], hangs=True)
    assert reply.status == 200


async def test_a_client_that_waits_for_permission_is_told_at_once() -> None:
    headers = {"content-length": "1000", "expect": "100-continue"}
    reply = await asyncio.wait_for(call(BodyDrain(web), "POST", headers=headers, pieces=[b"x"], hangs=True), 1)
    assert reply.status == 200


# Who gets how much

JSON = {"content-type": "application/json"}


def json_of(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


async def answered(layer: BodyParser, size: int, *, path: str = "/api/v1/memos", kind: str = "application/json") -> int:
    body = json_of(size) if "json" in kind else b"a=" + b"x" * (size - 2)
    return (await call(layer, "POST", path, headers={"content-type": kind}, pieces=[body], verified="u1")).status


async def test_strangers_send_64_kib_at_most() -> None:
    layer = bodies(1_000_000)
    assert (await call(layer, "POST", headers=JSON, pieces=[json_of(STRANGER_BYTES)])).status == 200
    announced = await call(layer, "POST", headers=JSON | {"content-length": "65537"}, pieces=[b"{"], hangs=True)
    assert announced.status == 413
    chunked = JSON | {"transfer-encoding": "chunked"}
    unannounced = await call(layer, "POST", headers=chunked, pieces=[b"x" * 1000] * 100, hangs=True)
    assert unannounced.status == 413


async def test_users_send_as_much_as_their_kind_of_body_may_have() -> None:
    layer = bodies(3_000_000)
    form = "application/x-www-form-urlencoded"
    assert await answered(layer, 3_000_000) == 200
    assert await answered(layer, 3_000_001) == 413
    assert await answered(layer, FORM_BYTES, kind=form) == 200
    assert await answered(layer, FORM_BYTES + 1, kind=form) == 413
    for path in ("/api/v1/auth/login", "/API/V1/AUTH/login"):
        assert await answered(layer, STRANGER_BYTES, path=path) == 200
        assert await answered(layer, STRANGER_BYTES + 1, path=path) == 413


async def test_a_whole_body_has_an_end_whatever_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimo.http.input.body_timeout.EXPECTED", 1024 * 1024)
    pieces = [b" " * 400] * 999
    chunked = JSON | {"transfer-encoding": "chunked"}
    async with asyncio.timeout(5):
        reply = await call(bodies(10**6, idle_seconds=0.1), "POST", headers=chunked, pieces=pieces, pause=0.02)
    assert reply.status == 408


async def test_bodies_of_all_requests_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimo.http.input.body_budget.WAIT_SECONDS", 0.1)
    monkeypatch.setattr("aimo.http.edge.bodies.USERS_BYTES", 0)
    done = asyncio.Event()

    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await done.wait()
        await web(scope, receive, send)

    layer = BodyParser(waits, max_size=100_000)  # room for 400,000 bytes, half of it for one user

    def send_one(user: str, path: str = "/slow") -> asyncio.Task[Any]:
        sent = call(layer, "POST", path, headers=JSON, pieces=[json_of(95_000)], verified=user)
        return asyncio.create_task(sent)

    slow = [send_one(user) for user in ("a", "a", "b", "b")]
    await asyncio.sleep(0.05)
    own_share_used_up = await send_one("a", "/quick")
    all_used_up = await send_one("c", "/quick")
    assert (own_share_used_up.status, all_used_up.status) == (503, 503)
    assert all_used_up.header("retry-after") == "5"
    small = await call(layer, "POST", "/quick", headers=JSON, pieces=[b"{}"], verified="c")
    assert small.status == 200
    done.set()
    assert [reply.status for reply in await asyncio.gather(*slow)] == [200] * 4
    assert (await send_one("c", "/quick")).status == 200


async def test_a_waiting_body_goes_on_when_another_is_done() -> None:
    budget = BodyBudget(total=100_000, share=100_000)
    with budget.account("b") as waiting:
        with budget.account("a") as first:
            await first.add(FREE_BYTES + 100_000)
            asked = asyncio.create_task(waiting.add(FREE_BYTES + 50_000))
            await asyncio.sleep(0.02)
            assert not asked.done()
        await asyncio.wait_for(asked, 1)
    with budget.account("c") as third:
        await third.add(FREE_BYTES + 100_000)


async def test_what_is_neither_json_nor_a_form_takes_no_memory() -> None:
    budget_is_not_asked = b"x" * FORM_BYTES
    reply = await call(
        bodies(10**7), "POST", headers={"content-type": "image/png"}, pieces=[budget_is_not_asked], verified="u"
    )
    assert reply.json["body"] == "{}"
