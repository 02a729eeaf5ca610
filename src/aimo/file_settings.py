"""Settings of where attachments and avatars are kept, and which may be uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from aimo.setting_types import DEFAULT_BLOCKED_TYPES, AnyCase, OnlyTrue


class FileSettings(BaseSettings):
    """What can be configured of files; a part of `aimo.config.Settings`."""

    attachment_storage_type: Annotated[Literal["local", "s3", "oss"], AnyCase] = Field(
        "local", description="Where attachments and avatars are kept."
    )
    attachment_max_file_size: int = Field(52_428_800, ge=1, le=1 << 50, description="Largest upload in bytes.")
    attachment_blocked_mime_types: str = Field(
        DEFAULT_BLOCKED_TYPES,
        description="Comma list of refused media types; entries may be `major/*`; replaces the default list.",
    )
    attachment_presigned_url_expiry: int = Field(
        3600, ge=1, le=315_360_000, description="Lifetime in seconds of signed file URLs (avatars: seven days)."
    )
    attachment_local_path: Path | None = Field(
        None, description="Folder of local files; `attachments` in the data folder when unset."
    )
    attachment_s3_bucket: str = Field("", description="Bucket; required for s3.")
    attachment_s3_prefix: str = Field("attachments", description="Key prefix.")
    attachment_s3_access_key_id: str = Field(
        "", description="Access key; without one the default credential chain is used."
    )
    attachment_s3_secret_access_key: SecretStr = Field(SecretStr(""), description="Secret key.")
    attachment_s3_region: str = Field("us-east-1", description="Region.")
    attachment_s3_endpoint: str = Field("", description="S3-compatible endpoint URL with scheme.")
    attachment_s3_is_public: OnlyTrue = Field(False, description="`true` gives direct URLs instead of signed ones.")
    attachment_oss_bucket: str = Field("", description="Bucket; required for oss.")
    attachment_oss_prefix: str = Field("attachments", description="Key prefix.")
    attachment_oss_access_key_id: str = Field("", description="Access key; required for oss.")
    attachment_oss_access_key_secret: SecretStr = Field(SecretStr(""), description="Secret key; required for oss.")
    attachment_oss_region: str = Field("cn-hangzhou", description="Region without the `oss-` prefix.")
    attachment_oss_endpoint: str = Field("", description="Endpoint; `https://oss-{region}.aliyuncs.com` when unset.")
    attachment_oss_is_public: OnlyTrue = Field(False, description="`true` gives direct URLs instead of signed ones.")
