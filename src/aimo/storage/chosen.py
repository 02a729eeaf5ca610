"""Chooses where attachments are kept."""

from __future__ import annotations

from aimo.config import Settings
from aimo.storage.buckets import configured_bucket
from aimo.storage.local import LocalStorage
from aimo.storage.local_fallback import LocalFallbackStorage
from aimo.storage.protocol import Storage
from aimo.storage.signing import FileSigner


def create_storage(settings: Settings, signer: FileSigner) -> Storage:
    """Return where attachments are kept. Beside a bucket, files that a local folder still has stay reachable."""
    local = LocalStorage(settings.attachments_dir, signer)
    if settings.attachment_storage_type == "local":
        return local
    bucket = configured_bucket(settings, settings.attachment_storage_type, signer)
    return LocalFallbackStorage(bucket, local) if settings.attachments_dir.is_dir() else bucket
