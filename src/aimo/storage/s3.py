"""Files in an S3 bucket: Amazon's, or of any server that speaks S3 (docs/contract/files.md#addresses)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import obstore
import structlog
from obstore.store import S3Store

from aimo import clock
from aimo.errors import ConfigurationError
from aimo.storage.bucket_urls import Bucket, aws_host, object_path, oss_public, s3_public, s3_root
from aimo.storage.content_types import content_type_for_bucket
from aimo.storage.object_store import FAILURES, RemoteStorage, open_store, reason
from aimo.storage.presign import LONGEST_SECONDS, Credentials, aws_url, encoded
from aimo.storage.protocol import Placement
from aimo.storage.signing import FileSigner

log = structlog.get_logger(__name__)

_REST_SECONDS = 60.0


@dataclass(frozen=True)
class RemoteSettings:
    """How to reach a bucket, and how objects in it are called."""

    bucket: str
    prefix: str
    region: str
    endpoint: str
    public: bool
    key_id: str = ""
    secret: str = field(default="", repr=False)

    @property
    def place(self) -> Bucket:
        """Where the bucket is."""
        return Bucket(self.bucket, self.region, self.endpoint)

    def placement(self, kind: Literal["s3", "oss"]) -> Placement:
        """Return what rows remember of it."""
        return Placement(kind, self.bucket, self.prefix, self.endpoint or None, self.region, self.public)


class S3Storage(RemoteStorage):
    """Attachments in an S3 bucket."""

    kind: Final[Literal["s3"]] = "s3"

    def __init__(self, settings: RemoteSettings, *, scratch: Path, signer: FileSigner | None = None) -> None:
        """Without a complete key, credentials come from where AWS programs usually find them.

        ``signer`` makes addresses on this server, for objects whose type no address in the bucket can override.

        Raises:
            ConfigurationError: the bucket is not named, or the settings make no client.
        """
        if not settings.bucket:
            raise ConfigurationError("ATTACHMENT_S3_BUCKET must be set when attachments are kept on s3")
        self._settings = settings
        self._signer = signer
        self._credentials = (
            Credentials(settings.key_id, settings.secret, settings.region)
            if settings.key_id and settings.secret
            else None
        )
        self._no_signing_before = 0.0
        self.placement: Final = settings.placement("s3")
        super().__init__(open_bucket(settings), bucket=settings.bucket, prefix=settings.prefix, scratch=scratch)

    def url(self, key: str, *, lifetime: int, placement: Placement | None = None) -> str:
        """Return a direct address in a public bucket, else a signed one.

        What is not inert gets a signed address in a public bucket, too: only those override what older objects were
        stored as. Without a key that can sign so, this server serves the object itself.
        """
        path = object_path(self._prefix, key)
        shown = content_type_for_bucket(key)
        own = is_own(self._settings, "s3", placement)
        if is_public(self._settings, placement) and not (shown.disposition and own):
            return public_address(self._settings, "s3", placement, path)
        name = placement.bucket if placement and placement.kind == "s3" and placement.bucket else self._bucket
        bucket = Bucket(name, self._settings.region, self._settings.endpoint)
        base = f"{s3_root(bucket)}/{encoded(path)}"
        if self._credentials is None:
            if shown.disposition and self._signer is not None:
                return self._signer.url(key, lifetime)
            return self._signed_by_client(path, lifetime) or base
        return aws_url(base, self._credentials, lifetime, now=clock.now_ms() / 1000, shown=shown)

    def _signed_by_client(self, path: str, lifetime: int) -> str | None:
        """Return an address signed with credentials that only the client knows; None while it finds none.

        Looking for them may take seconds, in which nothing else happens: after a failure it has a rest.
        """
        if time.monotonic() < self._no_signing_before:
            return None
        try:
            return obstore.sign(self._store, "GET", path, timedelta(seconds=min(lifetime, LONGEST_SECONDS)))
        except FAILURES as error:
            self._no_signing_before = time.monotonic() + _REST_SECONDS
            log.warning("no AWS credentials: addresses of files are not signed", reason=reason(error))
            return None


def open_bucket(settings: RemoteSettings) -> S3Store:
    """Return a client for a bucket; ConfigurationError where the settings make none."""
    return open_store(settings.bucket, http=settings.place.scheme == "http", **_client_config(settings))


def is_public(settings: RemoteSettings, placement: Placement | None) -> bool:
    """Return whether an object's bucket is public: as its row remembers, else as it is configured."""
    return settings.public if placement is None or placement.public is None else placement.public


def is_own(settings: RemoteSettings, kind: Literal["s3", "oss"], placement: Placement | None) -> bool:
    """Return whether an object is in the configured bucket, as far as its row remembers."""
    if placement is None or placement.bucket is None:
        return True
    where = (placement.kind, placement.bucket, placement.endpoint or "")
    return where == (kind, settings.bucket, settings.endpoint)


def public_address(settings: RemoteSettings, kind: Literal["s3", "oss"], placement: Placement | None, path: str) -> str:
    """Return the direct address of an object, in the bucket that its row remembers, else in the configured one."""
    bucket = settings.place
    if placement and placement.bucket:
        bucket = Bucket(placement.bucket, placement.region or settings.region, placement.endpoint or "")
        kind = "oss" if placement.kind == "oss" else "s3"
    return s3_public(bucket, path) if kind == "s3" else oss_public(bucket, path)


def _client_config(settings: RemoteSettings) -> dict[str, object]:
    place = settings.place
    virtual = bool(place.endpoint) and s3_root(place) == f"{place.scheme}://{place.own_host}"
    config: dict[str, object] = {"region": settings.region, "virtual_hosted_style_request": virtual}
    if not place.endpoint:
        config["endpoint"] = f"https://{aws_host(settings.region)}"
    else:
        config["endpoint"] = f"{place.scheme}://{place.own_host if virtual else place.host}"
    if settings.key_id and settings.secret:
        config |= {"access_key_id": settings.key_id, "secret_access_key": settings.secret}
    return config
