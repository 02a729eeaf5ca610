"""The server with its files in a folder or a bucket, everything about it configured."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.support.buckets import KEY_ID, Buckets, buckets, shared_buckets
from tests.support.client import Client
from tests.support.server import Server

__all__ = ["buckets", "shared_buckets"]

StartServer = Callable[..., Server]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LIFETIME = 600
WEEK = 604_800


class Place:
    """A server and where it keeps files: `stored` lists their keys, without the prefix that was configured."""

    def __init__(self, kind: str, server: Server, folder: Path, buckets: Buckets) -> None:
        self.kind, self.server, self._folder, self._buckets = kind, server, folder, buckets

    def clear(self) -> None:
        """Remove all files, beside the server."""
        self._buckets.clear()
        for path in self._folder.iterdir():
            shutil.rmtree(path)

    def stored(self) -> list[str]:
        if self.kind == "local":
            files = (path for path in self._folder.rglob("*") if path.is_file())
            return [path.relative_to(self._folder).as_posix() for path in files]
        keys = self._buckets.stored()
        assert all(key.startswith("my/files/") for key in keys), keys
        return [key.removeprefix("my/files/") for key in keys]

    def fetch(self, url: str) -> httpx.Response:
        """What anybody gets who has the address, and no token."""
        if self.kind == "oss":
            # No test server knows the signature of OSS, which is tested by itself: this one shows what is public.
            for key in self._buckets.stored():
                self._buckets.client.put_object_acl(Bucket="memos", Key=key, ACL="public-read")
            url = url.partition("?")[0]
        return httpx.get(url if "://" in url else self.server.url + url, trust_env=False, timeout=10)

    def signed(self, url: str) -> set[str]:
        """What an address says of who signed it and for how long."""
        query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        names = ("x-amz-expires", "x-amz-credential", "x-oss-expires", "x-oss-credential")
        return {part for name in names for part in query.get(name, "").split("/") if part}


@pytest.fixture(scope="module", params=["local", "s3", "oss"])
def place(
    request: pytest.FixtureRequest,
    module_server: StartServer,
    shared_buckets: Buckets,
    tmp_path_factory: pytest.TempPathFactory,
) -> Place:
    kind: str = request.param
    folder = tmp_path_factory.mktemp("files")
    values = {
        "ATTACHMENT_STORAGE_TYPE": kind,
        "ATTACHMENT_MAX_FILE_SIZE": "1000",
        "ATTACHMENT_BLOCKED_MIME_TYPES": "text/*,image/gif",
        "ATTACHMENT_PRESIGNED_URL_EXPIRY": str(LIFETIME),
        "ATTACHMENT_LOCAL_PATH": str(folder),
    }
    if kind != "local":
        own = {f"ATTACHMENT_{kind.upper()}_PREFIX": "my/files", f"ATTACHMENT_{kind.upper()}_REGION": "eu-west-1"}
        values |= shared_buckets.settings(kind) | own
    return Place(kind, module_server(EMBEDDER="local", **values), folder, shared_buckets)


@pytest.fixture
def alice(place: Place) -> Client:
    """Somebody new, on a server without any files."""
    place.clear()
    return place.server.user()


def upload(user: Client, name: str, data: bytes = PNG, kind: str = "image/png") -> dict[str, str]:
    made: dict[str, str] = user.post("/attachments/upload", files={"file": (name, data, kind)}).data["attachment"]
    return made


def test_uploads_are_kept_shown_and_removed(place: Place, alice: Client) -> None:
    made = upload(alice, "a 图.png")
    (key,) = place.stored()
    assert key.startswith(f"{alice.uid}/") and key.endswith(f"/{made['attachmentId']}.png")
    shown = place.fetch(made["url"])
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, PNG, "image/png")
    assert alice.get(f"/attachments/{made['attachmentId']}/download").content == PNG
    row = alice.get(f"/attachments/{made['attachmentId']}").data
    assert row["url"].partition("?")[0] == made["url"].partition("?")[0]
    assert alice.delete(f"/attachments/{made['attachmentId']}").code == 0
    assert place.stored() == []
    assert place.fetch(made["url"]).status_code in (403, 404)


def test_pictures_of_users_are_kept_and_replaced(place: Place, alice: Client) -> None:
    for number in range(2):
        assert alice.post("/user/avatar", files={"avatar": (f"{number}.png", PNG, "image/png")}).code == 0
        (key,) = place.stored()
        assert key.startswith(f"avatar/{alice.uid}/")
    url = alice.get("/user/info").data["avatar"]
    assert place.fetch(url).content == PNG
    if place.kind != "local":
        assert str(WEEK) in place.signed(url)


def test_addresses_are_signed_as_configured(place: Place, alice: Client) -> None:
    url = upload(alice, "a.png")["url"]
    if place.kind == "local":
        left = int(parse_qs(urlsplit(url).query)["exp"][0]) - time.time()
        assert LIFETIME / 2 < left <= LIFETIME
    else:
        assert {str(LIFETIME), KEY_ID, "eu-west-1"} <= place.signed(url)


def test_what_is_too_large_or_of_a_blocked_type_is_refused(place: Place, alice: Client) -> None:
    for name, data, kind, code in [
        ("a.png", PNG + bytes(1000), "image/png", 4000),
        ("a.gif", b"GIF89a", "image/gif", 4001),
        ("a.txt", b"text", "text/plain", 4001),
    ]:
        assert alice.post("/attachments/upload", files={"file": (name, data, kind)}).code == code, name
    assert place.stored() == []
    script = upload(alice, "a.js", b"x()", "application/javascript")
    assert alice.get(f"/attachments/{script['attachmentId']}/download").content == b"x()", (
        "the list replaces the default"
    )


def test_a_bucket_that_fails_is_a_storage_error(place: Place, alice: Client, buckets: Buckets) -> None:
    if place.kind == "local":
        return
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
