"""Bodies on their way in, and answers that come before their end."""

import asyncio
from typing import Any

import pytest

from aimo.errors import AimoError
from aimo.http.asgi import Message, Receive, Scope, Send
from aimo.http.edge.bodies import Bodies
from aimo.http.edge.drain import Drain
from aimo.http.text import refuse_unusable
from support.asgi import call, echo


def bodies(limit: int = 1000, **options: Any) -> Bodies:
    return Bodies(echo, max_size=limit, upload_paths={"/upload"}, **options)


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


async def test_a_body_that_hardly_comes_is_refused() -> None:
    async with asyncio.timeout(5):
        reply = await call(bodies(idle_seconds=0.1), "POST", pieces=[b"{"] * 999, pause=0.02)
    assert reply.status == 408


async def test_a_slow_body_that_keeps_coming_is_taken() -> None:
    headers = {"content-type": "application/json"}
    slowly = [b" " * 90] * 9 + [b"{}"]
    reply = await call(bodies(idle_seconds=0.1), "POST", headers=headers, pieces=slowly, pause=0.02)
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
        refuse_unusable({"state": {"unusable_text": True}})
    refuse_unusable({"state": {}})
    refuse_unusable({})
    assert "unusable_text" not in (await post(b'{"a":"\\ud83d\\ude00"}')).json["state"]


async def test_after_the_body_the_app_waits_for_the_client_to_leave() -> None:
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.05)
        await web(scope, receive, send)

    reply = await call(Bodies(waits, max_size=10), "POST")
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
    await Drain(web)(scope, receive, send)
    assert not left


async def test_draining_has_limits() -> None:
    headers = {"transfer-encoding": "chunked"}
    reply = await call(Drain(web, most_bytes=2500), "POST", headers=headers, pieces=[b"x" * 1000] * 10, hangs=True)
    assert reply.status == 200
    reply = await call(Drain(web, most_seconds=0.05), "POST", headers=headers, pieces=[b"x"], hangs=True)
    assert reply.status == 200


async def test_a_client_that_waits_for_permission_is_told_at_once() -> None:
    headers = {"content-length": "1000", "expect": "100-continue"}
    reply = await asyncio.wait_for(call(Drain(web), "POST", headers=headers, pieces=[b"x"], hangs=True), 1)
    assert reply.status == 200
