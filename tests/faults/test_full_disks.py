"""A disk that is full, whichever: nothing acknowledged is lost, the server stays up and goes on once there is space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.client import Client
from tests.support.limited_disk import SmallDisk
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.stub import Stub
from tests.support.waiting import eventually

from .concurrent_commands import ConcurrentCommand

LARGE = "字" * 20_000
# What a client is told while the database is gone altogether (docs/contract/errors.md#answers-without-an-envelope).
GONE = {"success": False, "message": "Authentication failed"}


def in_step(running: Server) -> bool:
    return bool(running.client().http.get("/readyz").json()["sync"]["waiting"] == 0)


def listed(client: Client) -> dict[str, str]:
    return {memo["memoId"]: memo["content"] for memo in client.get("/memos", limit=1000).data["items"]}


def assert_sound(running: Server, client: Client, memos: dict[str, str]) -> None:
    """By itself everything is in step again, and nothing is missing."""
    eventually(lambda: in_step(running), "everything is applied", timeout=60)
    assert listed(client) == memos
    found = client.post("/memos/search/vector", {"query": "tea", "limit": 1000}).data["items"]
    assert {memo["memoId"] for memo in found} == set(memos)
    with ConcurrentCommand(running) as beside:
        assert beside.broken() == []


def write(client: Client, memos: dict[str, str], content: str) -> bool:
    """Write a memo; whether it was acknowledged. Otherwise it was refused clearly."""
    answer = client.post("/memos", {"content": content, "tags": ["tea"]})
    told = (answer.status, answer.code)
    assert told in ((200, 0), (200, 2000)) or (answer.status, answer.envelope) == (500, GONE), answer.content[:200]
    if answer.code == 0:
        memos[answer.data["memo"]["memoId"]] = content
    return answer.code == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "small", 16) as disk:
        yield disk


def test_memos_are_saved_while_the_disk_of_lancedb_is_full_and_the_provider_hangs(
    server: Callable[..., Server], stub: Stub, small: SmallDisk
) -> None:
    running = server(**stub.settings(), LANCEDB_PATH=str(small.folder / "lancedb"))
    alice, memos = running.user(), dict[str, str]()
    assert write(alice, memos, "tea before")
    small.fill()
    for number in range(4):
        assert write(alice, memos, f"tea {number} meanwhile")
    [first, *_] = memos
    memos[first] = "tea changed meanwhile"
    assert alice.put(f"/memos/{first}", {"content": memos[first]}).code == 0
    stub.configure(latency_ms=60_000)
    assert write(alice, memos, "tea without a vector")
    gone = next(iter(set(memos) - {first}))
    assert alice.delete(f"/memos/{gone}").code == 0
    del memos[gone]
    assert listed(alice) == memos
    running.restart(kill=True)
    assert write(alice, memos, "tea after the restart")
    assert not in_step(running)
    stub.configure(latency_ms=0)
    small.free()
    assert_sound(running, alice, memos)


def test_memos_are_refused_clearly_while_the_disk_of_sqlite_is_full(
    server: Callable[..., Server], small: SmallDisk, tmp_path: Path
) -> None:
    running = server(
        AIMO_DATA_DIR=str(small.folder),
        LANCEDB_PATH=str(tmp_path / "lancedb"),
        ATTACHMENT_LOCAL_PATH=str(tmp_path / "files"),
    )
    assert_refused_until_there_is_space(running, small)


def test_memos_are_refused_clearly_while_the_disk_of_mariadb_is_full(
    server: Callable[..., Server], tmp_path: Path
) -> None:
    with closing(MariaDB(durable=True)) as mariadb, SmallDisk(mariadb.folder, 256) as small:
        running = server(**mariadb.start().create_database())
        # It may end itself rather than go on without space; whoever watches over it starts it again.
        assert_refused_until_there_is_space(running, small, lambda: mariadb.restart(kill=True))


def assert_refused_until_there_is_space(
    running: Server, disk: SmallDisk, mend: Callable[[], None] = lambda: None
) -> None:
    alice, memos = running.user(), dict[str, str]()
    assert write(alice, memos, "tea before")
    disk.fill()
    # What a database has set aside before is still there to be written.
    refused = 0
    for number in range(60):
        refused += not write(alice, memos, f"tea {number} meanwhile {LARGE}")
        if refused == 3:
            break
    assert refused == 3
    assert running.process.running
    disk.free()
    mend()
    eventually(lambda: write(alice, memos, "tea afterwards"), "memos are accepted again", timeout=30)
    print(f"{refused} refused, {len(memos)} kept")
    assert_sound(running, alice, memos)


def test_files_are_refused_clearly_while_their_disk_is_full(server: Callable[..., Server], small: SmallDisk) -> None:
    running = server(ATTACHMENT_LOCAL_PATH=str(small.folder))
    alice, memos = running.user(), dict[str, str]()
    content = bytes(range(256)) * 4096

    def upload() -> str | None:
        answer = alice.post("/attachments/upload", files={"file": ("a.bin", content, "application/octet-stream")})
        assert answer.status == 200
        assert answer.code in (0, 4003), answer.content
        return str(answer.data["attachment"]["attachmentId"]) if answer.code == 0 else None

    kept = [upload()]
    small.fill()
    assert [upload() for _ in range(3)] == [None, None, None]
    picture = {"avatar": ("me.png", content, "image/png")}
    assert alice.post("/user/avatar", files=picture).code == 4003
    assert write(alice, memos, "tea needs no file")
    small.free()
    kept.append(upload())
    shown = alice.get("/attachments").data["items"]
    assert {file["attachmentId"] for file in shown} == set(kept)
    for file_id in kept:
        assert alice.get(f"/attachments/{file_id}/download").content == content
    stored = [path for path in small.folder.rglob("*") if path.is_file()]
    assert len(stored) == len(kept)
    assert_sound(running, alice, memos)
