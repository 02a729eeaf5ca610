"""Files in buckets that speak S3, through both adapters."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.support.buckets import Buckets, buckets, shared_buckets
from tests.support.ports import free_port
from tests.support.tiny_http import TinyHttp, listening

from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.storage.buckets import configured_bucket
from aimo.storage.chosen import create_storage
from aimo.storage.local import LocalStorage
from aimo.storage.oss import OssStorage
from aimo.storage.protocol import ObjectMissingError, Placement, StorageError
from aimo.storage.s3 import S3Storage
from aimo.storage.signing import FileSigner

__all__ = ["buckets", "shared_buckets"]

KEY = "u1/2026-01-31/AbCdEf_-0123456789abcdef.png"


@pytest.fixture(params=["s3", "oss"])
def storage(
    request: pytest.FixtureRequest, buckets: Buckets, settings: Callable[..., Settings]
) -> S3Storage | OssStorage:
    return configured_bucket(settings(**buckets.settings(request.param)), request.param)


async def read(storage: S3Storage | OssStorage, key: str, start: int = 0, length: int | None = None) -> bytes:
    async with await storage.open(key) as stored:
        return b"".join([piece async for piece in stored.read(start, length)])


async def test_a_file_comes_back_whole_and_in_ranges(
    storage: S3Storage | OssStorage, buckets: Buckets, tmp_path: Path
) -> None:
    data = secrets.token_bytes(700_000)
    source = tmp_path / "x"
    source.write_bytes(data)
    await storage.put(KEY, source, "text/html")
    assert buckets.stored() == [f"attachments/{KEY}"]
    assert buckets.client.head_object(Bucket="memos", Key=f"attachments/{KEY}")["ContentType"] == "image/png"
    async with await storage.open(KEY) as stored:
        assert stored.size == len(data)
        assert b"".join([piece async for piece in stored.chunks]) == data
    assert await read(storage, KEY, 10, 5) == data[10:15]
    assert await read(storage, KEY, 699_990) == data[-10:]
    assert await read(storage, KEY, 700_000, 5) == b""
    assert source.exists(), "the source stays the caller's"


async def test_large_files_go_in_parts(storage: S3Storage | OssStorage, buckets: Buckets, tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_bytes(secrets.token_bytes(20 * 1024 * 1024))
    await storage.put(KEY, source, "image/png")
    assert "-" in buckets.client.head_object(Bucket="memos", Key=f"attachments/{KEY}")["ETag"]
    assert await read(storage, KEY) == source.read_bytes()


async def test_an_empty_file_is_a_file(storage: S3Storage | OssStorage, tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.touch()
    await storage.put(KEY, source, "image/png")
    assert await read(storage, KEY) == b""


async def test_what_is_gone_is_missing(storage: S3Storage | OssStorage, tmp_path: Path) -> None:
    assert not await storage.exists(KEY)
    with pytest.raises(ObjectMissingError):
        await storage.open(KEY)
    await storage.delete(KEY)
    source = tmp_path / "x"
    source.write_bytes(b"x")
    await storage.put(KEY, source, "image/png")
    assert await storage.exists(KEY)
    await storage.delete(KEY)
    assert not await storage.exists(KEY)


@pytest.mark.parametrize("key", ["", "../x", "a//b", "/etc/passwd", "a/../b", ".incoming/x", "a\x00b", "a\\b"])
async def test_what_is_no_key_names_nothing(storage: S3Storage | OssStorage, key: str, tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_bytes(b"x")
    with pytest.raises(StorageError):
        await storage.put(key, source, "image/png")
    with pytest.raises(ObjectMissingError):
        await storage.open(key)
    await storage.delete(key)
    assert not await storage.exists(key)


async def test_signed_addresses_give_the_object_with_its_type(
    storage: S3Storage | OssStorage, buckets: Buckets, tmp_path: Path
) -> None:
    source = tmp_path / "x"
    source.write_bytes(b"bytes")
    for key, shown in [(KEY, "image/png"), ("u1/2026-01-31/a.html", "application/octet-stream")]:
        await storage.put(key, source, "text/html")
        url = storage.url(key, lifetime=3600, placement=storage.placement)
        assert url.startswith(f"{buckets.url}/memos/attachments/u1/2026-01-31/")
        if storage.kind == "oss":  # no test server knows its signature; see the unit tests
            assert "&x-oss-signature=" in url
            continue
        reply = httpx.get(url, trust_env=False)
        assert (reply.status_code, reply.content) == (200, b"bytes")
        assert reply.headers["content-type"].startswith(shown)


def test_rows_decide_whether_and_where_their_bucket_is_public(settings: Callable[..., Settings]) -> None:
    def made(**values: str) -> S3Storage | OssStorage:
        base = {
            "ATTACHMENT_S3_BUCKET": "memos",
            "ATTACHMENT_S3_ACCESS_KEY_ID": "a",
            "ATTACHMENT_S3_SECRET_ACCESS_KEY": "b",
        }
        return configured_bucket(settings(**base, **values), "s3")

    private, public = made(), made(ATTACHMENT_S3_IS_PUBLIC="true", ATTACHMENT_S3_PREFIX="p")
    assert public.url("k/a.png", lifetime=9) == "https://memos.s3.us-east-1.amazonaws.com/p/k/a.png"
    old = Placement("s3", "old", "old-prefix", "https://minio.example", "eu-west-1", True)
    assert private.url("k/a.png", lifetime=9, placement=old) == "https://minio.example/old/attachments/k/a.png"
    secret = Placement("s3", "old", "old-prefix", None, "eu-west-1", False)
    url = public.url("k/a.png", lifetime=9, placement=secret)
    assert url.startswith("https://old.s3.us-east-1.amazonaws.com/p/k/a.png?X-Amz-Algorithm=")
    assert "response-content-type=image%2Fpng" in url
    oss = Placement("oss", "ali", "x", None, "cn-hangzhou", True)
    assert private.url("k/a.png", lifetime=9, placement=oss) == (
        "https://ali.oss-cn-hangzhou.aliyuncs.com/attachments/k/a.png"
    )


@pytest.mark.parametrize("own", [{}, {"ATTACHMENT_S3_ACCESS_KEY_ID": "INCOMPLETE"}])
def test_without_a_complete_key_the_usual_one_signs(settings: Callable[..., Settings], own: dict[str, str]) -> None:
    usual = {"AWS_ACCESS_KEY_ID": "USUAL", "AWS_SECRET_ACCESS_KEY": "SECRET"}
    storage = configured_bucket(settings(ATTACHMENT_S3_BUCKET="memos", **own, **usual), "s3")
    url = storage.url("k/a.png", lifetime=60)
    assert url.startswith("https://memos.s3.us-east-1.amazonaws.com/attachments/k/a.png?X-Amz-Algorithm=")
    assert "USUAL" in url
    assert "response-content-type=image%2Fpng" in url


def test_a_temporary_key_signs_with_its_token(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCESS_KEY_ID": "TEMPORARY", "SECRET_ACCESS_KEY": "SECRET", "SESSION_TOKEN": "TOKEN"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = configured_bucket(settings(ATTACHMENT_S3_BUCKET="memos"), "s3").url("k/a.png", lifetime=60)
    assert "TEMPORARY" in url
    assert "X-Amz-Security-Token=TOKEN" in url


def test_without_any_credentials_addresses_are_not_signed_and_nothing_waits_twice(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    storage = configured_bucket(settings(ATTACHMENT_S3_BUCKET="memos"), "s3")
    plain = "https://memos.s3.us-east-1.amazonaws.com/attachments/k/a.png"
    assert storage.url("k/a.png", lifetime=60) == plain
    started = time.monotonic()
    assert [storage.url("k/a.png", lifetime=60) for _ in range(100)] == [plain] * 100
    assert time.monotonic() - started < 0.2


async def test_what_the_folder_still_has_stays_reachable(
    buckets: Buckets, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = tmp_path / "attachments"
    signer = FileSigner("secret")
    source = tmp_path / "x"
    source.write_bytes(b"old")
    await LocalStorage(folder, signer).put("u1/d/old.png", source, "image/png")
    storage = create_storage(settings(**buckets.settings(), ATTACHMENT_LOCAL_PATH=folder), signer)
    await storage.prepare()
    source.write_bytes(b"new")
    await storage.put("u1/d/new.png", source, "image/png")
    assert buckets.stored() == ["attachments/u1/d/new.png"]
    for key in ("old", "new"):
        async with await storage.open(f"u1/d/{key}.png") as stored:
            assert b"".join([piece async for piece in stored.chunks]) == key.encode()
    assert storage.url("u1/d/old.png", lifetime=9, placement=Placement("local")).startswith("/files/")
    assert storage.url("u1/d/old.png", lifetime=9).startswith("/files/")
    assert storage.url("u1/d/new.png", lifetime=9, placement=storage.placement).startswith(buckets.url)
    await storage.delete("u1/d/old.png")
    assert not await storage.exists("u1/d/old.png")


@pytest.mark.parametrize("kind", ["s3", "oss"])
def test_a_bucket_must_be_named(kind: str, settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match=f"ATTACHMENT_{kind.upper()}_BUCKET"):
        configured_bucket(settings(ATTACHMENT_STORAGE_TYPE=kind), kind)  # type: ignore[arg-type]


def test_oss_wants_its_key(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="ATTACHMENT_OSS_ACCESS_KEY_ID, ATTACHMENT_OSS_ACCESS_KEY_SECRET"):
        configured_bucket(settings(ATTACHMENT_OSS_BUCKET="b"), "oss")


async def test_a_bucket_that_does_not_exist_is_said_at_start(
    buckets: Buckets, settings: Callable[..., Settings]
) -> None:
    values = {**buckets.settings(), "ATTACHMENT_S3_BUCKET": "nowhere"}
    with pytest.raises(ConfigurationError, match=r"bucket nowhere: the bucket does not exist \(NoSuchBucket\)"):
        await configured_bucket(settings(**values), "s3").prepare()


@pytest.mark.parametrize(
    ("code", "said"),
    [("InvalidAccessKeyId", "the access key is unknown"), ("SignatureDoesNotMatch", "the secret key does not belong")],
)
async def test_a_wrong_key_is_said_at_start(code: str, said: str, settings: Callable[..., Settings]) -> None:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    async with listening(TinyHttp(answer)) as server:
        values = {
            "ATTACHMENT_S3_BUCKET": "memos",
            "ATTACHMENT_S3_ENDPOINT": f"http://127.0.0.1:{server.port}",
            "ATTACHMENT_S3_ACCESS_KEY_ID": "a",
            "ATTACHMENT_S3_SECRET_ACCESS_KEY": "very-secret",
        }
        with pytest.raises(ConfigurationError, match=said) as error:
            await configured_bucket(settings(**values), "s3").prepare()
        assert "very-secret" not in str(error.value)


async def test_a_store_that_is_away_keeps_nothing_else_from_starting(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    values = {
        "ATTACHMENT_S3_BUCKET": "memos",
        "ATTACHMENT_S3_ENDPOINT": "http://127.0.0.1:9",
        "ATTACHMENT_S3_ACCESS_KEY_ID": "a",
        "ATTACHMENT_S3_SECRET_ACCESS_KEY": "b",
    }
    storage = configured_bucket(settings(**values), "s3")
    await storage.prepare()
    source = tmp_path / "x"
    source.write_bytes(b"x")
    with pytest.raises(StorageError):
        await storage.put(KEY, source, "image/png")
    with pytest.raises(StorageError):
        await storage.exists(KEY)
