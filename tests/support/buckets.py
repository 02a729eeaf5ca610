"""An S3 server in a thread of the tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

KEY_ID, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/EXAMPLEKEY", "us-east-1"


class Buckets:
    """A server that speaks S3 by path style, with a bucket ``memos``."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.client: Any = boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name=REGION
        )
        self.client.create_bucket(Bucket="memos")

    def stored(self, bucket: str = "memos") -> list[str]:
        """The keys of all objects."""
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def body(self, key: str, bucket: str = "memos") -> bytes:
        """An object's bytes."""
        content: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def clear(self) -> None:
        """Remove all objects."""
        for key in self.stored():
            self.client.delete_object(Bucket="memos", Key=key)

    def settings(self, kind: str = "s3") -> dict[str, str]:
        """The settings of a server that keeps its files here."""
        own = {
            "BUCKET": "memos",
            "ENDPOINT": self.url,
            "ACCESS_KEY_ID": KEY_ID,
            "SECRET_ACCESS_KEY" if kind == "s3" else "ACCESS_KEY_SECRET": SECRET,
        }
        return {"ATTACHMENT_STORAGE_TYPE": kind} | {
            f"ATTACHMENT_{kind.upper()}_{name}": value for name, value in own.items()
        }

    def close(self) -> None:
        """Stop it."""
        self._server.stop()


@pytest.fixture(scope="module")
def shared_buckets() -> Iterator[Buckets]:
    """One server for the tests of a file."""
    server = Buckets()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def buckets(shared_buckets: Buckets) -> Buckets:
    """The same, empty."""
    shared_buckets.clear()
    return shared_buckets
