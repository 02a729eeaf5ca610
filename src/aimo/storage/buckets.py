"""The buckets that are configured, whether one of them is in use or not."""

from __future__ import annotations

from typing import Literal

from aimo.config import Settings
from aimo.storage.oss import OssStorage
from aimo.storage.s3 import RemoteSettings, S3Storage


def configured_bucket(settings: Settings, kind: Literal["s3", "oss"]) -> S3Storage | OssStorage:
    """The bucket of a kind, by the ``ATTACHMENT_S3_`` or ``ATTACHMENT_OSS_`` variables.

    Raises:
        ConfigurationError: they make no bucket.
    """
    scratch = settings.aimo_data_dir / "incoming"
    if kind == "s3":
        return S3Storage(
            RemoteSettings(
                bucket=settings.attachment_s3_bucket,
                prefix=settings.attachment_s3_prefix,
                region=settings.attachment_s3_region,
                endpoint=settings.attachment_s3_endpoint,
                public=settings.attachment_s3_is_public,
                key_id=settings.attachment_s3_access_key_id,
                secret=settings.attachment_s3_secret_access_key.get_secret_value(),
            ),
            scratch=scratch,
        )
    return OssStorage(
        RemoteSettings(
            bucket=settings.attachment_oss_bucket,
            prefix=settings.attachment_oss_prefix,
            region=settings.attachment_oss_region,
            endpoint=settings.attachment_oss_endpoint,
            public=settings.attachment_oss_is_public,
            key_id=settings.attachment_oss_access_key_id,
            secret=settings.attachment_oss_access_key_secret.get_secret_value(),
        ),
        scratch=scratch,
    )
