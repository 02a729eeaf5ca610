"""The server with its files in a bucket."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from support.buckets import Buckets, buckets, shared_buckets
from support.server import Server

__all__ = ["buckets", "shared_buckets"]

StartServer = Callable[..., Server]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture(scope="module")
def running(module_server: StartServer, shared_buckets: Buckets) -> Server:
    return module_server(EMBEDDER="local", **shared_buckets.settings())


def test_uploads_are_kept_shown_and_removed(running: Server, buckets: Buckets) -> None:
    alice = running.user()
    made = alice.post("/attachments/upload", files={"file": ("a 图.png", PNG, "image/png")}).data["attachment"]
    assert [key.rpartition("/")[2] for key in buckets.stored()] == [f"{made['attachmentId']}.png"]
    shown = httpx.get(made["url"], trust_env=False)
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, PNG, "image/png")
    assert alice.get(f"/attachments/{made['attachmentId']}/download").content == PNG
    row = alice.get(f"/attachments/{made['attachmentId']}").data
    assert row["url"].startswith(buckets.url)
    assert alice.delete(f"/attachments/{made['attachmentId']}").code == 0
    assert buckets.stored() == []


def test_pictures_of_users_are_kept_and_replaced(running: Server, buckets: Buckets) -> None:
    alice = running.user()
    for number in range(2):
        answer = alice.post("/user/avatar", files={"avatar": (f"{number}.png", PNG, "image/png")})
        assert answer.code == 0
        assert len(buckets.stored()) == 1
    url = alice.get("/user/info").data["avatar"]
    assert "X-Amz-Expires=604800" in url
    assert httpx.get(url, trust_env=False).content == PNG


def test_a_bucket_that_fails_is_a_storage_error(running: Server, buckets: Buckets) -> None:
    alice = running.user()
    buckets.client.delete_bucket(Bucket="memos")
    try:
        answer = alice.post("/attachments/upload", files={"file": ("a.png", PNG, "image/png")})
        assert answer.code == 4003
        assert alice.get("/attachments").data["total"] == 0
    finally:
        buckets.client.create_bucket(Bucket="memos")


def test_a_bucket_that_does_not_exist_stops_the_start(server: StartServer, buckets: Buckets) -> None:
    values = {**buckets.settings(), "ATTACHMENT_S3_BUCKET": "nowhere"}
    with pytest.raises(AssertionError, match=r"aimo: Attachments cannot be kept in the bucket nowhere") as error:
        server(EMBEDDER="local", **values)
    assert "ended with 1" in str(error.value)
    assert "Traceback" not in str(error.value)


def test_an_allow_list_that_cannot_work_stops_the_start(server: StartServer) -> None:
    with pytest.raises(AssertionError, match="aimo: OUTBOUND_ALLOW"):
        server(EMBEDDER="local", OUTBOUND_ALLOW="10.0.0.0/99")
