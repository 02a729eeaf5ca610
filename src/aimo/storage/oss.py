"""Files on Alibaba Cloud OSS, reached by its S3-compatible interface (docs/contract/files.md#addresses)."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from aimo import clock
from aimo.errors import ConfigurationError
from aimo.storage.bucket_urls import object_path, oss_root
from aimo.storage.content_types import content_type_for_bucket
from aimo.storage.object_store import RemoteStorage, open_store
from aimo.storage.presign import Credentials, encoded, oss_url
from aimo.storage.protocol import Placement
from aimo.storage.s3 import RemoteSettings, is_own, is_public, public_address


class OssStorage(RemoteStorage):
    """Attachments in an OSS bucket."""

    kind: Final[Literal["oss"]] = "oss"

    def __init__(self, settings: RemoteSettings, *, scratch: Path) -> None:
        """OSS knows no other credentials than the configured key.

        Raises:
            ConfigurationError: bucket, region or key are not set, or the settings make no client.
        """
        needed = {
            "ATTACHMENT_OSS_BUCKET": settings.bucket,
            "ATTACHMENT_OSS_REGION": settings.region,
            "ATTACHMENT_OSS_ACCESS_KEY_ID": settings.key_id,
            "ATTACHMENT_OSS_ACCESS_KEY_SECRET": settings.secret,
        }
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise ConfigurationError(f"{', '.join(missing)} must be set when attachments are kept on oss")
        self._settings = settings
        self._credentials = Credentials(settings.key_id, settings.secret, settings.region)
        self.placement: Final = settings.placement("oss")
        root = oss_root(settings.place)
        in_path = root.endswith(f"/{settings.bucket}")
        config: dict[str, object] = {
            "region": settings.region,
            "endpoint": root.removesuffix(f"/{settings.bucket}"),
            "virtual_hosted_style_request": not in_path,
            "access_key_id": settings.key_id,
            "secret_access_key": settings.secret,
        }
        store = open_store(settings.bucket, http=root.startswith("http://"), **config)
        super().__init__(store, bucket=settings.bucket, prefix=settings.prefix, scratch=scratch)

    def url(self, key: str, *, lifetime: int, placement: Placement | None = None) -> str:
        """Return a direct address in a public bucket, else one signed for the configured bucket.

        What is not inert gets a signed address in a public bucket, too; see :meth:`S3Storage.url`.
        """
        path = object_path(self._prefix, key)
        shown = content_type_for_bucket(key)
        own = is_own(self._settings, "oss", placement)
        if is_public(self._settings, placement) and not (shown.disposition and own):
            return public_address(self._settings, "oss", placement, path)
        base = f"{oss_root(self._settings.place)}/{encoded(path)}"
        now = clock.now_ms() / 1000
        return oss_url(base, self._bucket, path, self._credentials, lifetime, now=now, shown=shown)
