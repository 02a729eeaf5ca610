"""Files come back byte for byte, to their owner alone, and never fill the server's memory."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.stub import Stub
from tests.support.waiting import eventually

MEGABYTE = 1024 * 1024
BA_TOKEN = "machine-token-of-the-tests"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server], module_stub: Stub) -> Server:
    """One server for all of it."""
    return module_server(**module_stub.settings(), BA_AUTH_ENABLED="true", BA_AUTH_TOKEN=BA_TOKEN)


def _files(running: Server) -> set[Path]:
    """Every file under the server's folder of attachments, half-written ones included."""
    folder = running.data_dir / "attachments"
    return {path for path in folder.rglob("*") if path.is_file()}


def _upload(
    client: Client, content: bytes, name: str = "notes.pdf", kind: str = "application/pdf", **fields: str
) -> Any:
    return client.post("/attachments/upload", files={"file": (name, content, kind)}, data=fields).data["attachment"]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _workers(running: Server) -> list[int]:
    """The processes that answer requests."""
    parent = running.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children]


def _peak_memory(running: Server) -> int:
    """The most memory that the workers have used since `_forget_peak`, in bytes."""
    peak = 0
    for pid in _workers(running):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                peak += int(line.split()[1]) * 1024
    return peak


def _forget_peak(running: Server) -> int:
    """Start measuring the peak anew; what is used right now."""
    for pid in _workers(running):
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return _peak_memory(running)


@pytest.mark.parametrize("size", [0, 1, 65_536, 3 * MEGABYTE + 17])
def test_bytes_come_back_by_both_ways(running: Server, size: int) -> None:
    """By the signed address, which needs no token, and by the route, which does."""
    owner, content = running.user(), os.urandom(size)
    attachment = _upload(owner, content, "旅行 plan.pdf", createdAt="1700000000000", properties='{"pages": 3}')
    assert (attachment["filename"], attachment["size"]) == ("旅行 plan.pdf", size)
    assert (attachment["createdAt"], attachment["properties"]) == (1_700_000_000_000, {"pages": 3})
    by_address = running.client().http.get(attachment["url"])
    assert by_address.status_code == 200
    assert _hash(by_address.content) == _hash(content)
    by_route = owner.get(f"/attachments/{attachment['attachmentId']}/download")
    assert (by_route.status, by_route.headers["content-length"]) == (200, str(size))
    assert _hash(by_route.content) == _hash(content)
    assert running.client().get(f"/attachments/{attachment['attachmentId']}/download").status == 401
    listed = owner.get("/attachments").data
    assert [item["attachmentId"] for item in listed["items"]] == [attachment["attachmentId"]]


def test_machines_upload_for_a_user(running: Server) -> None:
    """With the machine token, for the user whom the query names."""
    owner, content = running.user(), os.urandom(5000)
    answer = running.client().post(
        "/attachments/ba/upload",
        files={"file": ("a.bin", content, "application/octet-stream")},
        params={"uid": owner.uid},
        headers={"Authorization": f"Bearer {BA_TOKEN}"},
    )
    attachment_id = answer.data["attachment"]["attachmentId"]
    assert _hash(owner.get(f"/attachments/{attachment_id}/download").content) == _hash(content)


def test_parts_of_a_file_can_be_asked_for(running: Server) -> None:
    """Ranges of the signed address: beginning, middle, end, one past the end."""
    content = os.urandom(100_000)
    url = _upload(running.user(), content, "film.mp4", "video/mp4")["url"]
    http = running.client().http
    for header, part in {
        "bytes=0-0": content[:1],
        "bytes=1000-1999": content[1000:2000],
        "bytes=99990-": content[99_990:],
        "bytes=-500": content[-500:],
        "bytes=50000-999999": content[50_000:],
    }.items():
        reply = http.get(url, headers={"Range": header})
        assert reply.status_code == 206, header
        assert reply.content == part
        start = len(content) - len(part) if header in ("bytes=99990-", "bytes=-500", "bytes=50000-999999") else None
        if start is not None:
            assert reply.headers["content-range"] == f"bytes {start}-99999/100000"
    assert http.get(url, headers={"Range": "bytes=100000-"}).status_code == 416
    whole = http.get(url, headers={"Range": "bytes=a-b"})
    assert (whole.status_code, len(whole.content)) == (200, len(content))
    assert http.get(url).headers["accept-ranges"] == "bytes"


def test_an_address_cannot_be_guessed_or_changed(running: Server) -> None:
    """Neither another file's key, a longer life nor another signature is let through."""
    owner = running.user()
    mine, other = _upload(owner, b"mine")["url"], _upload(owner, b"other")["url"]
    http = running.client().http
    path, _, query = mine.partition("?")
    other_path, _, other_query = other.partition("?")
    fields = dict(field.split("=") for field in query.split("&"))
    for tried in (
        path,
        f"{path}?{other_query}",
        f"{other_path}?{query}",
        f"{path}?exp={int(fields['exp']) + 1}&sig={fields['sig']}",
        f"{path}?exp={fields['exp']}&sig={'A' * len(fields['sig'])}",
        f"{path}?exp={fields['exp']}&sig=",
        f"/files/../aimo.db?{query}",
        f"/files/%2e%2e/jwt_secret?{query}",
    ):
        reply = http.get(tried)
        assert reply.status_code != 200 or b"<html" in reply.content.lower(), tried
        assert reply.content != b"mine", tried


def test_a_strangers_file_is_as_if_it_were_not_there(running: Server) -> None:
    """Every route answers another user's id as it answers one that nobody has."""
    owner, stranger = running.user(), running.user()
    theirs = _upload(owner, b"private", properties='{"a": 1}')["attachmentId"]
    unknown = "A" * 24

    def told(client: Client, attachment_id: str) -> list[tuple[int, bytes]]:
        answers: list[Answer] = [
            client.get(f"/attachments/{attachment_id}"),
            client.get(f"/attachments/{attachment_id}/download"),
            client.request("PATCH", f"/attachments/{attachment_id}/properties", {"properties": {"b": 2}}),
            client.delete(f"/attachments/{attachment_id}"),
        ]
        return [(answer.status, answer.content) for answer in answers]

    assert told(stranger, theirs) == told(stranger, unknown)
    assert owner.get(f"/attachments/{theirs}").data["properties"] == {"a": 1}
    assert owner.get(f"/attachments/{theirs}/download").content == b"private"
    memo = stranger.post("/memos", {"content": "with a file of somebody else", "attachments": [theirs]}).data["memo"]
    assert memo["attachments"] == []
    assert stranger.get("/attachments").data["total"] == 0
    # Ids differ by case alone.
    if theirs.swapcase() != theirs:
        assert owner.get(f"/attachments/{theirs.swapcase()}").code == 4002


def test_a_new_picture_replaces_the_one_before(running: Server) -> None:
    """The old file is gone, the new one is shown; what is no image changes nothing."""
    user = running.user()
    before = _files(running)
    first = user.post("/user/avatar", files={"avatar": ("me.png", PNG, "image/png")}).data["avatar"]
    [old] = _files(running) - before
    assert user.get("/user/info").data["avatar"].partition("?")[0] == first.partition("?")[0]
    http = running.client().http
    assert http.get(first).content == PNG
    second = user.post("/user/avatar", files={"avatar": ("me too.png", PNG + b"2", "image/png")}).data["avatar"]
    [new] = _files(running) - before
    assert new != old
    assert http.get(second).content == PNG + b"2"
    assert http.get(first).status_code == 404
    assert user.post("/user/avatar", files={"avatar": ("a.txt", b"text", "text/plain")}).code == 4001
    assert _files(running) - before == {new}
    assert http.get(user.get("/user/info").data["avatar"]).content == PNG + b"2"


def test_removing_an_attachment_removes_its_bytes(running: Server) -> None:
    """Row, file and address go together; a memo keeps working without it."""
    owner, before = running.user(), _files(running)
    attachment = _upload(owner, b"short-lived")
    memo = owner.post("/memos", {"content": "with a file", "attachments": [attachment["attachmentId"]]}).data["memo"]
    assert len(_files(running) - before) == 1
    owner.delete(f"/attachments/{attachment['attachmentId']}").data  # noqa: B018 (must succeed)
    assert _files(running) == before
    assert running.client().http.get(attachment["url"]).status_code == 404
    assert owner.get(f"/memos/{memo['memoId']}").data["attachments"] == []


def test_a_refused_or_broken_upload_leaves_nothing(running: Server) -> None:
    """Too large, of a refused type, under a wrong name, or cut off: no row and no file."""
    owner, before = running.user(), _files(running)
    limit = 52_428_800
    assert owner.post("/attachments/upload", files={"file": ("big", bytes(limit + 1), "video/mp4")}).code == 4000
    assert owner.post("/attachments/upload", files={"file": ("a.html", b"<p>", "text/html")}).code == 4001
    assert owner.post("/attachments/upload", files={"document": ("a.pdf", b"x", "application/pdf")}).code == 4004
    assert owner.post("/attachments/upload", data={"createdAt": "1"}).code == 2
    _cut_off(running, owner)
    eventually(lambda: _files(running) == before, "the half-written file to go")
    assert owner.get("/attachments").data["total"] == 0


def _cut_off(running: Server, owner: Client) -> None:
    """Send half of an upload and hang up."""
    head = (
        f"POST /api/v1/attachments/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {owner.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 2000000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="half.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(head.encode() + bytes(MEGABYTE))


def test_large_files_do_not_fill_the_memory(running: Server, tmp_path: Path) -> None:
    """Forty megabytes go in and out in pieces: the server's memory grows by much less."""
    owner = running.user()
    _upload(owner, bytes(MEGABYTE))
    path = tmp_path / "film.mp4"
    piece = os.urandom(MEGABYTE)
    path.write_bytes(piece * 40)
    used = _forget_peak(running)
    with path.open("rb") as content:
        attachment = owner.post("/attachments/upload", files={"file": ("film.mp4", content, "video/mp4")}).data[
            "attachment"
        ]
    uploading = _peak_memory(running) - used
    assert attachment["size"] == 40 * MEGABYTE
    used = _forget_peak(running)
    assert _streamed_hash(running.client(), attachment["url"]) == _hash(piece * 40)
    by_address = _peak_memory(running) - used
    used = _forget_peak(running)
    download = f"/api/v1/attachments/{attachment['attachmentId']}/download"
    assert _streamed_hash(owner, download) == _hash(piece * 40)
    by_route = _peak_memory(running) - used
    growths = {"upload": uploading, "by address": by_address, "by route": by_route}
    print({name: f"{growth / MEGABYTE:.1f} MB" for name, growth in growths.items()})
    assert max(growths.values()) < 16 * MEGABYTE, growths


def _streamed_hash(client: Client, url: str) -> str:
    digest = hashlib.sha256()
    headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    with client.http.stream("GET", url, headers=headers) as reply:
        assert reply.status_code == 200
        for piece in reply.iter_bytes():
            digest.update(piece)
    return digest.hexdigest()
