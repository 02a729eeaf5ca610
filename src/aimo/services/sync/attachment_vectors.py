"""Vectors of attached pictures and videos, where that is switched on (docs/contract/providers.md#pictures)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from urllib.parse import urljoin

import structlog

from aimo.ai.embedder import Vectors
from aimo.ai.multimodal import MultimodalEmbedder
from aimo.db.connection import Database
from aimo.db.queries import attachments as attachment_queries
from aimo.db.queries.attachments import AttachmentRow
from aimo.errors import ProviderError
from aimo.services.attachments.file_urls import placement
from aimo.storage.protocol import ObjectMissingError, Storage, StorageError
from aimo.vectors.embedding_caches import MultimodalCache
from aimo.vectors.errors import VectorStoreError
from aimo.vectors.hashes import MultimodalContent

log = structlog.get_logger(__name__)

# What the provider takes of a picture inside a request.
MOST_BYTES = 5 * 1024 * 1024
_URL_SECONDS = 3600
_AT_ONCE = 2


class AttachmentVectors:
    """Makes the vectors of attachments.

    Pictures are sent inside the request, because the provider need not be able to reach this server. Videos
    are too large for that: they are embedded only where they have an address that everybody can reach.
    """

    def __init__(
        self,
        database: Database,
        storage: Storage,
        embedder: MultimodalEmbedder,
        cache: MultimodalCache,
        *,
        public_url: str = "",
    ) -> None:
        """``public_url`` is where the provider reaches this server, if it does."""
        self.embedder = embedder
        self._database = database
        self._storage = storage
        self._cache = cache
        self._public_url = public_url
        self._made: dict[str, Vectors] = {}

    def should_embed(self, row: AttachmentRow) -> bool:
        """Return whether an attachment is one to embed."""
        if row.type.startswith("image/"):
            return row.size <= MOST_BYTES
        return row.type.startswith("video/") and self._address(row) is not None

    def made(self, attachment_id: str) -> Vectors | None:
        """Return the vector that `fill` made, until `forget`."""
        return self._made.get(attachment_id)

    def forget(self, attachment_ids: Sequence[str]) -> None:
        """Let go of vectors that have been stored, or are not needed any more."""
        for attachment_id in attachment_ids:
            self._made.pop(attachment_id, None)

    async def fill(self, attachment_ids: Sequence[str], seconds: float) -> dict[str, ProviderError]:
        """Make the vectors of these attachments; the reasons of those that failed are returned.

        Taking longer than ``seconds`` is a failure of what is not made by then.
        """
        async with self._database.reads() as connection:
            rows = await attachment_queries.for_sync(connection, attachment_ids=attachment_ids)
        wanted = {row.attachment_id: row for row in rows if self.should_embed(row)}
        failed: dict[str, ProviderError] = {}
        turns = asyncio.Semaphore(_AT_ONCE)

        async def make(row: AttachmentRow) -> None:
            async with turns:
                try:
                    self._made[row.attachment_id] = await self._vector(row)
                except ProviderError as error:
                    failed[row.attachment_id] = error

        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(make(row) for row in wanted.values()))
        except TimeoutError:
            late = ProviderError(f"no vector within {seconds:g} s")
            missing = [known for known in wanted if known not in self._made and known not in failed]
            failed |= dict.fromkeys(missing, late)
        return failed

    async def _vector(self, row: AttachmentRow) -> Vectors:
        content = await self._content(row)
        # An address is signed again each time, the stored key is not.
        key = MultimodalContent(video=row.path) if content.video else content
        if (known := await self._cached(key)) is not None:
            return known
        vector: Vectors = (await self.embedder.embed([content]))[0]
        try:
            await self._cache.put_many(self.embedder.model_hash, {key: vector})
        except VectorStoreError:
            log.exception("the multimodal cache cannot be written")
        return vector

    async def _cached(self, key: MultimodalContent) -> Vectors | None:
        try:
            return (await self._cache.get_many(self.embedder.model_hash, [key])).get(key)
        except VectorStoreError:
            # A cache that cannot be read must not stop anybody: the embedder knows the answer too.
            log.exception("the multimodal cache cannot be read")
            return None

    async def _content(self, row: AttachmentRow) -> MultimodalContent:
        if row.type.startswith("video/"):
            return MultimodalContent(video=self._address(row) or "")
        try:
            async with await self._storage.open(row.path) as stored:
                data = b"".join([piece async for piece in stored.read(0, MOST_BYTES)])
        except ObjectMissingError:
            raise ProviderError("the file is gone", retryable=False) from None
        except StorageError as error:
            raise ProviderError(f"the file cannot be read: {error}") from error
        return MultimodalContent(image=f"data:{row.type};base64,{base64.b64encode(data).decode('ascii')}")

    def _address(self, row: AttachmentRow) -> str | None:
        url = self._storage.url(row.path, lifetime=_URL_SECONDS, placement=placement(row))
        if url.startswith("/"):
            # The address holds the path of PUBLIC_URL already.
            return urljoin(self._public_url, url) if self._public_url else None
        return url
