"""Hosts and addresses of buckets by the rules of the existing server (docs/contract/files.md#addresses)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

from aimo.storage.presign import encoded

_SLASHES = re.compile(r"/{2,}")


@dataclass(frozen=True)
class Bucket:
    """Where a bucket is. ``endpoint`` may lack its scheme, or be empty for the provider's own."""

    name: str
    region: str
    endpoint: str = ""

    @property
    def scheme(self) -> str:
        """``http`` where the endpoint says so, else ``https``."""
        return "http" if self.endpoint.lower().startswith("http://") else "https"

    @property
    def host(self) -> str:
        """Host and port of the endpoint."""
        return self.endpoint.partition("://")[2].strip("/") if "://" in self.endpoint else self.endpoint.strip("/")

    @property
    def own_host(self) -> str:
        """The endpoint's host with the bucket's name before it."""
        return self.host if self.host.startswith(f"{self.name}.") else f"{self.name}.{self.host}"


def object_path(prefix: str, key: str) -> str:
    """``{prefix}/{key}`` without doubled slashes."""
    return _SLASHES.sub("/", f"{prefix}/{key}").strip("/")


def s3_root(bucket: Bucket) -> str:
    """Scheme, host and, in path style, bucket: what comes before the path of an object.

    Path style unless the endpoint contains the region's name.
    """
    if not bucket.endpoint:
        return f"https://{bucket.name}.{aws_host(bucket.region)}"
    if bucket.region and bucket.region in bucket.endpoint:
        return f"{bucket.scheme}://{bucket.own_host}"
    return f"{bucket.scheme}://{bucket.host}/{quote(bucket.name)}"


def aws_host(region: str) -> str:
    """Amazon's host of a region."""
    return f"s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def s3_public(bucket: Bucket, path: str) -> str:
    """Return the address of an object in a public S3 bucket."""
    root = s3_root(bucket)
    if bucket.endpoint and bucket.region and bucket.region in bucket.endpoint:
        root = f"https://{bucket.own_host}"
    return f"{root}/{encoded(path)}"


def oss_root(bucket: Bucket) -> str:
    """Scheme and host before the path of an object on OSS, which wants the bucket's name in the host."""
    if not bucket.endpoint:
        return f"https://{bucket.name}.oss-{bucket.region}.aliyuncs.com"
    if _is_address(bucket.host):
        return f"{bucket.scheme}://{bucket.host}/{quote(bucket.name)}"
    return f"{bucket.scheme}://{bucket.own_host}"


def oss_public(bucket: Bucket, path: str) -> str:
    """Return the address of an object in a public OSS bucket."""
    root = oss_root(bucket)
    if bucket.endpoint and not _is_address(bucket.host):
        root = f"https://{bucket.own_host}"
    return f"{root}/{encoded(path)}"


def _is_address(host: str) -> bool:
    """Return whether a host is an IP address, before which no bucket's name can stand."""
    try:
        ipaddress.ip_address(host.rpartition(":")[0].strip("[]") or host)
    except ValueError:
        return False
    return True
