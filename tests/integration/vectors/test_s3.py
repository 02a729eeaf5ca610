"""The store in a bucket, served by moto."""

import sys
from collections.abc import Iterator
from functools import partial

import boto3
import httpx
import lancedb
import numpy as np
import pytest
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.tiny_http import TinyHttp, listening
from tests.support.waiting import eventually

from aimo.vectors.damage import damage
from aimo.vectors.errors import DamagedTableError, VectorStoreError
from aimo.vectors.store import VectorStore, s3_options


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Process(command, log=tmp_path_factory.mktemp("moto") / "log")
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=2).status_code < 500
        except httpx.TransportError:
            return False

    try:
        eventually(answers, "moto answers", timeout=60)
        httpx.put(f"{url}/vectors", timeout=10).raise_for_status()
        yield url
    finally:
        server.kill()


def options(endpoint: str) -> dict[str, str]:
    return s3_options(
        bucket="vectors", endpoint=endpoint, region="us-east-1", access_key_id="key", secret_access_key="secret"
    )


async def test_a_store_in_a_bucket_does_what_one_in_a_folder_does(endpoint: str) -> None:
    uri = "s3://vectors/some/prefix"
    store = await VectorStore.open(uri, model="m", dimension=8, storage_options=options(endpoint))
    await store.raise_fence()
    await store.memo_vectors.upsert([("m1", "u", np.ones(8)), ("m2", "u", np.arange(8))])
    await store.memo_vectors.upsert([("m1", "u", np.arange(8))])
    await store.memo_texts.upsert([("m1", "u", "Saved in a bucket 存储桶")])
    await store.embedding_cache.put_many("model", {"t": np.ones(8)})
    await store.optimize()
    await store.memo_vectors.delete(["m2"])
    await store.close()

    again = await VectorStore.open(uri, model="m", dimension=8, storage_options=options(endpoint))
    assert [hit.id for hit in await again.memo_vectors.search("u", np.arange(8), 5)] == ["m1"]
    assert await again.memo_texts.containing("u", ["存储"]) == ["m1"]
    assert await again.memo_texts.ranked("u", "bucket", 5) == ["m1"]
    assert set(await again.embedding_cache.get_many("model", ["t"])) == {"t"}
    await again.close()


async def test_a_lost_object_is_damage_and_an_endpoint_that_is_down_is_not(endpoint: str) -> None:
    uri, keys = "s3://vectors/damaged", {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    bucket = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    store = await VectorStore.open(uri, model="m", dimension=8, storage_options=options(endpoint))
    await store.raise_fence()
    await store.memo_vectors.upsert([("m1", "u", np.ones(8))])
    assert await store.recreate_damaged_tables() == []
    for file in bucket.list_objects_v2(Bucket="vectors", Prefix="damaged/memo_vectors.lance/data")["Contents"]:
        bucket.delete_object(Bucket="vectors", Key=file["Key"])
    nobody = partial(lancedb.connect_async, uri, storage_options=options(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(VectorStoreError) as raised:
        await damage(nobody, "memo_vectors")
    assert not isinstance(raised.value, DamagedTableError)
    assert await store.recreate_damaged_tables() == ["memo_vectors"]
    await store.memo_vectors.upsert([("m1", "u", np.ones(8))])
    assert [hit.id for hit in await store.memo_vectors.search("u", np.ones(8), 5)] == ["m1"]
    await store.close()


async def test_an_endpoint_that_does_not_answer_is_reported() -> None:
    nobody = options(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(VectorStoreError):
        await VectorStore.open("s3://vectors/prefix", model="m", dimension=8, storage_options=nobody)


def test_empty_settings_are_left_to_the_environment() -> None:
    given = s3_options(bucket="b", endpoint="", region="eu-west-1", access_key_id="", secret_access_key="")
    assert given["region"] == "eu-west-1"
    assert not {"endpoint", "access_key_id", "secret_access_key", "allow_http"} & set(given)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://oss-cn-hangzhou.aliyuncs.com",
        "oss-cn-hangzhou.aliyuncs.com/",
        "https://vectors.oss-cn-hangzhou.aliyuncs.com",
    ],
)
def test_oss_is_asked_where_it_answers(endpoint: str) -> None:
    given = options(endpoint)
    assert given["endpoint"] == "https://vectors.oss-cn-hangzhou.aliyuncs.com"
    assert given["virtual_hosted_style_request"] == "true"


async def test_with_the_bucket_in_the_host_it_is_not_in_the_path() -> None:
    refusal = TinyHttp(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    async with listening(refusal) as bucket:
        given = options(f"http://127.0.0.1:{bucket.port}") | {"virtual_hosted_style_request": "true"}
        with pytest.raises(VectorStoreError):
            await VectorStore.open("s3://vectors/prefix", model="m", dimension=8, storage_options=given)
        assert bucket.requests
        assert not any(b" /vectors" in request for request in bucket.requests)
