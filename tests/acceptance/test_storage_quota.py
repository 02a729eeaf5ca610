"""A user's files together have at most the bytes that the quota allows."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server

QUOTA = 300_000


def upload(client: Client, size: int) -> Answer:
    return client.post("/attachments/upload", files={"file": ("a.bin", b"x" * size, "application/zip")})


def stored(server: Server) -> int:
    folder = server.data_dir / "attachments"
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(request: pytest.FixtureRequest, module_server: Callable[..., Server]) -> Server:
    database = {}
    if request.param == "mysql":
        template = request.getfixturevalue("mysql_template")
        database = request.getfixturevalue("mariadb").create_database(like=template)
    return module_server(**database, USER_STORAGE_QUOTA=str(QUOTA), WORKERS="2")


def test_files_beyond_the_quota_are_refused_and_leave_nothing(running: Server) -> None:
    before = stored(running)
    alice = running.user()
    first = upload(alice, 200_000).data["attachment"]
    refused = upload(alice, 100_001)
    assert (refused.status, refused.code) == (200, 4000)
    assert refused.message == f"Storage quota exceeded: 200000 of {QUOTA} bytes are used, and 100001 do not fit"
    assert stored(running) == before + 200_000
    assert upload(alice, 100_000).code == 0
    assert upload(alice, 0).code == 0
    assert upload(running.user(), QUOTA).code == 0
    assert alice.delete(f"/attachments/{first['attachmentId']}").code == 0
    assert upload(alice, 200_000).code == 0


def test_files_of_a_memo_in_the_trash_count_until_it_is_deleted_for_good(running: Server) -> None:
    alice = running.user()
    file = upload(alice, QUOTA).data["attachment"]["attachmentId"]
    memo = alice.post("/memos", {"content": "large", "attachments": [file]}).data["memo"]["memoId"]
    alice.delete(f"/memos/{memo}").data  # noqa: B018 (must succeed)
    assert upload(alice, 1).code == 4000
    alice.delete(f"/trash/{memo}").data  # noqa: B018 (must succeed)
    assert upload(alice, QUOTA).code == 0


def test_uploads_at_the_same_time_do_not_get_past_the_quota(running: Server) -> None:
    before = stored(running)
    alice = running.user()
    with ThreadPoolExecutor(12) as pool:
        codes = sorted(answer.code or 0 for answer in pool.map(lambda _: upload(alice, 100_000), range(12)))
    assert codes == [0] * 3 + [4000] * 9
    assert stored(running) == before + QUOTA


def test_a_body_that_announces_too_much_is_refused_before_it_arrives(running: Server) -> None:
    alice = running.user()
    head = (
        "POST /api/v1/attachments/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {alice.token}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {QUOTA + 70_000}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Storage quota exceeded" in answer
