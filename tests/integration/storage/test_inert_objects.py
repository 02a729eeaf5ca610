"""No object of a bucket runs on the bucket's host, however it got there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.support.buckets import Buckets, buckets, shared_buckets
from tests.support.server import Server

from aimo.config import Settings
from aimo.services.attachments.content_type_update import relabel
from aimo.storage.buckets import configured_bucket
from aimo.storage.content_types import attachment_disposition
from aimo.storage.oss import OssStorage
from aimo.storage.protocol import Placement
from aimo.storage.s3 import S3Storage
from aimo.storage.signing import FileSigner

__all__ = ["buckets", "shared_buckets"]

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
KEY = "u1/2026-01-31/AbCdEf.svg"
PUBLIC = {"ATTACHMENT_S3_IS_PUBLIC": "true", "ATTACHMENT_OSS_IS_PUBLIC": "true"}


@pytest.fixture(params=["s3", "oss"])
def storage(
    request: pytest.FixtureRequest, buckets: Buckets, settings: Callable[..., Settings]
) -> S3Storage | OssStorage:
    return configured_bucket(settings(**buckets.settings(request.param), **PUBLIC), request.param)


def plant(buckets: Buckets, key: str, kind: str) -> None:
    """Store an object the way an older server did: as what its uploader said."""
    buckets.client.put_object(Bucket="memos", Key=f"attachments/{key}", Body=SVG, ContentType=kind)


def labels(buckets: Buckets, key: str) -> tuple[str, str]:
    head = buckets.client.head_object(Bucket="memos", Key=f"attachments/{key}")
    return head["ContentType"], head.get("ContentDisposition", "")


async def test_what_could_run_is_stored_as_a_download(
    storage: S3Storage | OssStorage, buckets: Buckets, tmp_path: Path
) -> None:
    source = tmp_path / "x"
    source.write_bytes(SVG)
    await storage.put(KEY, source, "image/svg+xml")
    assert labels(buckets, KEY) == ("application/octet-stream", attachment_disposition("AbCdEf.svg"))
    await storage.put("u1/d/a.png", source, "image/svg+xml")
    assert labels(buckets, "u1/d/a.png") == ("image/png", "")


async def test_an_address_overrides_what_an_older_object_was_stored_as(
    buckets: Buckets, settings: Callable[..., Settings]
) -> None:
    storage = configured_bucket(settings(**buckets.settings()), "s3")
    for key in (KEY, "u1/d/a.html", "u1/d/a"):
        plant(buckets, key, "image/svg+xml")
        reply = httpx.get(storage.url(key, lifetime=600), trust_env=False)
        assert (reply.status_code, reply.content) == (200, SVG)
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"].startswith("attachment")


def test_in_a_public_bucket_only_inert_media_have_direct_addresses(storage: S3Storage | OssStorage) -> None:
    for placement in (None, storage.placement):
        assert "?" not in storage.url("u1/d/a.png", lifetime=600, placement=placement)
        query = parse_qs(urlsplit(storage.url(KEY, lifetime=600, placement=placement)).query)
        assert query["response-content-type"] == ["application/octet-stream"]
        assert query["response-content-disposition"] == [attachment_disposition("AbCdEf.svg")]
    elsewhere = Placement(storage.kind, "another", "p", "https://minio.example", "r", True)
    assert "?" not in storage.url(KEY, lifetime=600, placement=elsewhere), "there is no key to sign with"


def test_without_a_key_that_signs_so_this_server_serves_what_is_not_inert(settings: Callable[..., Settings]) -> None:
    for public in ("true", "false"):
        chosen = settings(ATTACHMENT_S3_BUCKET="memos", ATTACHMENT_S3_IS_PUBLIC=public)
        storage = configured_bucket(chosen, "s3", FileSigner("secret"))
        assert storage.url(KEY, lifetime=600).startswith(f"/files/{KEY}?exp=")


async def test_older_objects_can_be_corrected_in_place(storage: S3Storage | OssStorage, buckets: Buckets) -> None:
    await storage.prepare()
    for key, kind in [(KEY, "image/svg+xml"), ("u1/d/a.html", "text/html"), ("avatar/u1/d/a.png", "text/html")]:
        plant(buckets, key, kind)
    report = await relabel(storage)
    assert (report.seen, report.changed, report.failed) == (3, 3, {})
    assert labels(buckets, KEY)[0] == labels(buckets, "u1/d/a.html")[0] == "application/octet-stream"
    assert labels(buckets, "avatar/u1/d/a.png") == ("image/png", "")
    assert buckets.body(f"attachments/{KEY}") == SVG
    again = await relabel(storage)
    assert (again.seen, again.changed) == (3, 0)
    assert list(storage.scratch.iterdir()) == []


def test_uploads_of_users_and_machines_are_stored_as_downloads(
    module_server: Callable[..., Server], buckets: Buckets
) -> None:
    machine = {"BA_AUTH_ENABLED": "true", "BA_AUTH_TOKEN": "machine-token-of-the-tests"}
    server = module_server(EMBEDDER="local", **buckets.settings(), **machine)
    alice = server.user()
    part = {"file": ("a.svg", SVG, "image/svg+xml")}
    made = [alice.post("/attachments/upload", files=part).data["attachment"]]
    token = {"Authorization": f"Bearer {machine['BA_AUTH_TOKEN']}"}
    given = alice.post("/attachments/ba/upload", files=part, params={"uid": alice.uid}, headers=token)
    made.append(given.data["attachment"])
    assert {item["type"] for item in made} == {"image/svg+xml"}, "clients see what was declared"
    for key in buckets.stored():
        assert labels(buckets, key.removeprefix("attachments/"))[0] == "application/octet-stream"
    for item in made:
        assert parse_qs(urlsplit(item["url"]).query)["response-content-type"] == ["application/octet-stream"]
        loaded = alice.get(f"/attachments/{item['attachmentId']}/download")
        assert loaded.content == SVG
        assert loaded.headers["content-type"] == "application/octet-stream"
        assert "sandbox" in loaded.headers["content-security-policy"]
    refused = alice.post("/user/avatar", files={"avatar": ("me.svg", SVG, "image/svg+xml")})
    assert refused.code == 4001, "it could not be shown"
    assert len(buckets.stored()) == 2
