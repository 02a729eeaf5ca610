"""The buckets that are configured, whether one of them is in use or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.storage.export_target import BucketTarget, ExportTarget, FolderTarget
from aimo.storage.oss import OssStorage
from aimo.storage.s3 import RemoteSettings, S3Storage, open_bucket
from aimo.storage.signing import FileSigner


def configured_bucket(
    settings: Settings, kind: Literal["s3", "oss"], signer: FileSigner | None = None
) -> S3Storage | OssStorage:
    """Return the bucket of a kind, by the ``ATTACHMENT_S3_`` or ``ATTACHMENT_OSS_`` variables.

    ``signer`` is for files that this server must serve itself; without one they get addresses in the bucket.

    Raises:
        ConfigurationError: they make no bucket.
    """
    scratch = settings.aimo_data_dir / "incoming"
    if kind == "s3":
        key_id, secret = _s3_key(settings)
        return S3Storage(
            RemoteSettings(
                bucket=settings.attachment_s3_bucket,
                prefix=settings.attachment_s3_prefix,
                region=settings.attachment_s3_region,
                endpoint=settings.attachment_s3_endpoint,
                public=settings.attachment_s3_is_public,
                key_id=key_id,
                secret=secret,
            ),
            scratch=scratch,
            signer=signer,
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


def export_target(place: str, settings: Settings) -> ExportTarget:
    """Return where exports are kept that are made by themselves.

    Raises:
        ConfigurationError: it is neither an absolute folder nor the address of a bucket.
    """
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        key_id, secret = _s3_key(settings)
        remote = RemoteSettings(
            bucket=bucket,
            prefix="",
            region=settings.attachment_s3_region,
            endpoint=settings.attachment_s3_endpoint,
            public=False,
            key_id=key_id,
            secret=secret,
        )
        if not bucket:
            raise ConfigurationError(f"EXPORT_TO={place} names no bucket: it must be like s3://BUCKET/PREFIX.")
        return BucketTarget(open_bucket(remote), prefix)
    folder = Path(place)
    if not folder.is_absolute():
        raise ConfigurationError(
            f"EXPORT_TO={place} must be an absolute folder or s3://BUCKET/PREFIX; EXPORT_CRON needs one."
        )
    return FolderTarget(folder)


def _s3_key(settings: Settings) -> tuple[str, str]:
    """Return the access key and its secret: that of attachments if complete, else the usual one; empty for none."""
    own = settings.attachment_s3_access_key_id, settings.attachment_s3_secret_access_key.get_secret_value()
    usual = settings.aws_access_key_id, settings.aws_secret_access_key.get_secret_value()
    if all(own):
        return own
    # A temporary key is worth nothing without its token, which the client finds in the environment itself.
    return usual if all(usual) and "AWS_SESSION_TOKEN" not in os.environ else ("", "")
