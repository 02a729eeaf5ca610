"""Addresses of objects in buckets (docs/contract/files.md#addresses), and their signatures."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials

from aimo.storage import presign
from aimo.storage.bucket_urls import Bucket, object_path, oss_public, oss_root, s3_public, s3_root
from aimo.storage.content_types import Shown, content_type_for_bucket
from aimo.storage.presign import Credentials, aws_url, encoded, oss_url

PATH = "attachments/u1/2026-01-31/Ab_-.png"


@pytest.mark.parametrize(
    ("endpoint", "region", "public", "root"),
    [
        ("", "us-east-1", "https://memos.s3.us-east-1.amazonaws.com/", "https://memos.s3.us-east-1.amazonaws.com"),
        (
            "",
            "cn-north-1",
            "https://memos.s3.cn-north-1.amazonaws.com.cn/",
            "https://memos.s3.cn-north-1.amazonaws.com.cn",
        ),
        (
            "https://s3.eu-central-1.wasabisys.com",
            "eu-central-1",
            "https://memos.s3.eu-central-1.wasabisys.com/",
            "https://memos.s3.eu-central-1.wasabisys.com",
        ),
        ("http://minio:9000", "us-east-1", "http://minio:9000/memos/", "http://minio:9000/memos"),
        ("http://minio:9000/", "us-east-1", "http://minio:9000/memos/", "http://minio:9000/memos"),
        ("minio.example", "us-east-1", "https://minio.example/memos/", "https://minio.example/memos"),
        ("http://s3.lan.home:9000", "lan", "https://memos.s3.lan.home:9000/", "http://memos.s3.lan.home:9000"),
    ],
)
def test_s3_addresses(endpoint: str, region: str, public: str, root: str) -> None:
    bucket = Bucket("memos", region, endpoint)
    assert s3_public(bucket, PATH) == public + PATH
    assert s3_root(bucket) == root


@pytest.mark.parametrize(
    ("endpoint", "public", "root"),
    [
        ("", "https://memos.oss-cn-hangzhou.aliyuncs.com/", "https://memos.oss-cn-hangzhou.aliyuncs.com"),
        ("https://oss-cn-hangzhou.aliyuncs.com", "https://memos.oss-cn-hangzhou.aliyuncs.com/", "https://memos.oss-cn-hangzhou.aliyuncs.com"),
        ("oss-cn-hangzhou.aliyuncs.com", "https://memos.oss-cn-hangzhou.aliyuncs.com/", "https://memos.oss-cn-hangzhou.aliyuncs.com"),
        ("https://memos.files.example", "https://memos.files.example/", "https://memos.files.example"),
        ("http://files.example", "https://memos.files.example/", "http://memos.files.example"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/memos/", "http://127.0.0.1:9000/memos"),
    ],
)  # fmt: skip
def test_oss_addresses(endpoint: str, public: str, root: str) -> None:
    bucket = Bucket("memos", "cn-hangzhou", endpoint)
    assert oss_public(bucket, PATH) == public + PATH
    assert oss_root(bucket) == root


def test_doubled_slashes_are_one() -> None:
    assert object_path("attachments", "a/b") == "attachments/a/b"
    assert object_path("/att//x/", "/a//b") == "att/x/a/b"
    assert object_path("", "a/b") == "a/b"


@pytest.mark.parametrize("shown", [None, *map(content_type_for_bucket, ["a.png", "a 会.svg"])])
@pytest.mark.parametrize("key", [PATH, "a/中 文~(1)*'!#%+.png"])
def test_s3_signatures_are_those_of_the_aws_library(
    key: str, shown: Shown | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presign, "signing_time", lambda now, lifetime: int(now))
    now = 1_795_348_957.5
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2026, 11, 22, 12, 2, 37))
    base = f"https://memos.s3.us-east-1.amazonaws.com/{encoded(key)}"
    mine = aws_url(base, Credentials("AKID", "SECRET", "us-east-1"), 900, now=now, shown=shown)
    overrides = {"response-content-type": shown.content_type} if shown else {}
    if shown and shown.disposition:
        overrides["response-content-disposition"] = shown.disposition
    request = AWSRequest("GET", base, params=overrides)
    S3SigV4QueryAuth(AwsCredentials("AKID", "SECRET"), "s3", "us-east-1", expires=900).add_auth(request)
    theirs = urlsplit(request.prepare().url)
    assert parse_qs(urlsplit(mine).query) == parse_qs(theirs.query)
    assert urlsplit(mine).path == theirs.path


def test_oss_signature_is_that_of_the_aliyun_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check value is from the provider's own SDK, alibabacloud-oss-v2 1.4.1."""
    monkeypatch.setattr(presign, "signing_time", lambda now, lifetime: int(now))
    key = "pre/中 文~(1)*'!.png"
    base = f"https://bkt.oss-cn-hangzhou.aliyuncs.com/{encoded(key)}"
    credentials = Credentials("AKID", "SECRET", "cn-hangzhou")
    url = oss_url(base, "bkt", key, credentials, 3599, now=1_795_361_641)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query == {
        "x-oss-signature-version": "OSS4-HMAC-SHA256",
        "x-oss-date": "20261122T153401Z",
        "x-oss-expires": "3599",
        "x-oss-credential": "AKID/20261122/cn-hangzhou/oss/aliyun_v4_request",
        "x-oss-signature": "f02d35fae7dd8c4196e69a0b183ad652e807578a6c93d5610edb811ac5ea821d",
    }


def test_an_oss_signature_covers_what_the_answer_shall_say_of_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check value is from the same SDK."""
    monkeypatch.setattr(presign, "signing_time", lambda now, lifetime: int(now))
    key = "pre/中 文~(1)*'!.svg"
    base = f"https://bkt.oss-cn-hangzhou.aliyuncs.com/{encoded(key)}"
    shown = Shown("application/octet-stream", 'attachment; filename="%E4%B8%AD%20a.svg"')
    credentials = Credentials("AKID", "SECRET", "cn-hangzhou")
    query = parse_qs(urlsplit(oss_url(base, "bkt", key, credentials, 3599, now=1_795_361_641, shown=shown)).query)
    assert query["response-content-type"] == [shown.content_type]
    assert query["response-content-disposition"] == [shown.disposition]
    assert query["x-oss-signature"] == ["3cedc8fc40c9a5f5d4ca56b69bf08e2b2abde06d733fa415a12a34cab578f8b7"]


def test_signed_addresses_stay_the_same_for_a_while_and_never_outlive_their_time() -> None:
    credentials = Credentials("AKID", "SECRET", "r")
    first, second = (aws_url("https://h/k", credentials, 3600, now=900_000_000 + s) for s in (0, 800))
    later = aws_url("https://h/k", credentials, 3600, now=900_000_000 + 901)
    assert first == second != later
    for now in (900_000_000, 900_000_899):
        assert now - 900 < presign.signing_time(now, 3600) <= now
    assert "X-Amz-Expires=604800" in aws_url("https://h/k", credentials, 10**7, now=0)
