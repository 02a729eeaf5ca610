"""Chooses where files and vectors are stored."""

from __future__ import annotations

from dataclasses import dataclass

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.runtime.providers import Providers
from aimo.services.embedding.service import EmbeddingService
from aimo.services.sync.service import SyncService
from aimo.storage.protocol import Storage
from aimo.storage.signing import FileSigner
from aimo.vectors.store import VectorStore, s3_options


@dataclass(frozen=True)
class Stores:
    """The opened engines below the services."""

    database: Database
    vectors: VectorStore
    embeddings: EmbeddingService
    storage: Storage
    signer: FileSigner
    sync: SyncService
    providers: Providers


def lancedb_options(settings: Settings) -> dict[str, str] | None:
    """Return what LanceDB needs to reach an object store; None for a folder."""
    if settings.lancedb_storage_type == "local":
        return None
    if not settings.lancedb_s3_bucket:
        raise ConfigurationError("LANCEDB_S3_BUCKET must be set when LANCEDB_STORAGE_TYPE is s3")
    return s3_options(
        bucket=settings.lancedb_s3_bucket,
        endpoint=settings.lancedb_s3_endpoint,
        region=settings.aws_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key.get_secret_value(),
    )
