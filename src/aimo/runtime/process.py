"""Opens everything of a process in order and closes it in reverse."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aimo.config import Settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.runtime.providers import create_embedder, create_providers
from aimo.runtime.scheduled_work import create_scheduler
from aimo.runtime.services import build_services
from aimo.runtime.stores import Stores, lancedb_options
from aimo.scheduler.service import Scheduler
from aimo.services.accounts.tokens import Tokens
from aimo.services.embedding.service import EmbeddingService
from aimo.services.registry import ServiceSet
from aimo.services.sync.attachment_vectors import AttachmentVectors
from aimo.services.sync.service import SyncService
from aimo.shutdown import ShutdownStack
from aimo.signing_secret import signing_secret
from aimo.storage.chosen import create_storage
from aimo.storage.signing import FileSigner
from aimo.vectors.schemas import LEGACY_MULTIMODAL_DIMENSION
from aimo.vectors.store import VectorStore


class Runtime:
    """Everything of one process. Use it as an asynchronous context manager.

    ``worker=False`` leaves the sync worker out: for commands that only look. ``scheduler=True`` adds what happens
    by itself at certain times, and leaves it to `begin` to start any of that and the sync worker: for the server, which
    should listen before. ``mend=True`` recreates tables of LanceDB that cannot be opened: for
    commands that fill them again.
    """

    services: ServiceSet
    stores: Stores

    def __init__(self, settings: Settings, *, worker: bool = True, scheduler: bool = False, mend: bool = False) -> None:
        self.settings = settings
        self._mend = mend
        self._worker = worker
        self._scheduled = scheduler
        self._scheduler: Scheduler | None = None
        self._begun: asyncio.Task[None] | None = None
        self._closing = ShutdownStack()

    async def __aenter__(self) -> Self:
        """Open database, LanceDB, embedder, storage and sync.

        Raises:
            ConfigurationError: something cannot work; the text says what to do.
        """
        try:
            await self._open()
        except BaseException:
            await self._closing.run()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything: the sync first, the relational database before LanceDB."""
        await self.close()

    async def begin(self) -> None:
        """Start the work that waits in the database, and what comes by itself; for commands, `__aenter__` does."""
        if self._worker:
            self.stores.sync.begin()
        if self._scheduler:
            await self._scheduler.start()

    def stop_scheduled_work(self) -> None:
        """Start no work by itself any more; requests are still served until ``close``."""
        if self._scheduler and not self._begun:
            self._begun = asyncio.create_task(self._scheduler.stop())

    async def close(self, *, seconds: float | None = None) -> None:
        """Close everything in order; within ``seconds``, whatever has to be left behind for that."""
        await self._closing.run(seconds=seconds)

    async def _stop_scheduler(self) -> None:
        self.stop_scheduled_work()
        if self._begun:
            await self._begun

    async def _open(self) -> None:
        settings = self.settings
        secret = signing_secret(settings)
        embedder = create_embedder(settings)
        warming = asyncio.create_task(embedder.warm_up()) if self._worker else None
        providers = create_providers(settings)
        self._closing.add("providers", providers.close)
        pictured = providers.pictures
        vectors = await VectorStore.open(
            settings.lancedb_uri,
            model=embedder.model,
            dimension=embedder.dimension,
            multimodal_model=pictured.model if pictured else None,
            multimodal_dimension=pictured.dimension if pictured else LEGACY_MULTIMODAL_DIMENSION,
            storage_options=lancedb_options(settings),
            retention_days=settings.lancedb_version_retention_days,
            mend=self._mend,
        )
        self._closing.add("LanceDB", vectors.close)
        database = await Database.open(settings)
        self._closing.add("database", database.close)
        await migrate.prepare(database, settings)
        embeddings = EmbeddingService(embedder, vectors.embedding_cache)
        self._closing.add("embeddings", embeddings.close)
        signer = FileSigner(secret, settings.public_path)
        storage = create_storage(settings, signer)
        await storage.prepare()
        self._closing.add("storage", storage.close)
        pictures = None
        if pictured:
            cache = vectors.multimodal_cache
            pictures = AttachmentVectors(database, storage, pictured, cache, public_url=settings.public_url)
        sync = SyncService(database, vectors, embeddings, pictures)
        if self._worker:
            await sync.start()
            self._closing.add("sync", sync.stop)
        if warming:
            await warming
        self.stores = Stores(database, vectors, embeddings, storage, signer, sync, providers)
        self.services = build_services(settings, self.stores, Tokens(secret))
        self._closing.add("sessions", self.services.sessions.close)
        self._closing.add("access tokens", self.services.access_tokens.close)
        if self._worker:
            await self.services.metrics_exporter.start()
            self._closing.add("metrics", self.services.metrics_exporter.stop)
        if self._scheduled:
            self._scheduler = create_scheduler(settings, self.stores, self.services)
            self._closing.add("scheduler", self._stop_scheduler)
        else:
            await self.begin()
