"""Opens everything in order and closes it in reverse; the only place that decides what is used for what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import structlog

from aimo.ai.asr import SpeechRecognizer
from aimo.ai.chat import ChatModel
from aimo.ai.dashscope import DashScopeEmbedder
from aimo.ai.embedder import Embedder
from aimo.ai.fun_asr import FunAsr
from aimo.ai.local_embedder import LocalEmbedder
from aimo.ai.multimodal import MultimodalEmbedder
from aimo.ai.ocr import TextRecognizer
from aimo.ai.zhipu_ocr import ZhipuOcr
from aimo.config import Settings
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.errors import ConfigurationError
from aimo.outbound import OutboundClient
from aimo.push.channels import create_channels
from aimo.scheduler.service import Scheduler
from aimo.services.accounts.provider_allowances import Allowance, HourlyAllowance, Unlimited
from aimo.services.accounts.rate_limit_counters import Counters
from aimo.services.accounts.rate_limits import RateLimiter
from aimo.services.accounts.service import AccountService
from aimo.services.accounts.sessions import SessionService
from aimo.services.accounts.tokens import Tokens
from aimo.services.attachments.file_urls import FileUrls
from aimo.services.attachments.service import AttachmentService
from aimo.services.doctor.doctor import Doctor
from aimo.services.doctor.memo_index import MemoIndex
from aimo.services.doctor.memo_tags import MemoTagLists
from aimo.services.doctor.orphans import OrphanRows
from aimo.services.doctor.set_aside import SetAside
from aimo.services.doctor.stored_files import MissingFiles, OrphanFiles
from aimo.services.doctor.tag_counts import TagCounts
from aimo.services.embedding.service import EmbeddingService
from aimo.services.explore.answers import ExploreService
from aimo.services.explore.conversations import ConversationService
from aimo.services.explore.relation_graph import RelationGraph
from aimo.services.explore.retriever import Retriever
from aimo.services.insights.recommendations import RecommendationService
from aimo.services.insights.service import InsightService
from aimo.services.memos.categories import CategoryService
from aimo.services.memos.lists import MemoLists
from aimo.services.memos.memo_presenter import MemoPresenter
from aimo.services.memos.service import MemoService
from aimo.services.memos.tag_suggestions import TagSuggestions
from aimo.services.memos.tags import TagService
from aimo.services.operations.app_versions import AppVersionService
from aimo.services.operations.metrics_exporter import MetricsExporter
from aimo.services.operations.table_browser import TableBrowser
from aimo.services.push.delivery_rounds import DeliveryRounds
from aimo.services.push.message_content import PushContent
from aimo.services.push.rules import PushRuleService
from aimo.services.recognition.asr import AsrService
from aimo.services.recognition.ocr import OcrService
from aimo.services.recognition.own_file_reader import OwnFileReader
from aimo.services.recognition.speech_task_owners import TaskOwners
from aimo.services.registry import ServiceSet
from aimo.services.search.service import SearchService
from aimo.services.sync.attachment_vectors import AttachmentVectors
from aimo.services.sync.lease import LeaseRow
from aimo.services.sync.service import SyncService
from aimo.shutdown import ShutdownStack
from aimo.signing_secret import signing_secret
from aimo.storage.buckets import configured_bucket
from aimo.storage.local import LocalStorage
from aimo.storage.local_fallback import LocalFallbackStorage
from aimo.storage.protocol import Storage
from aimo.storage.signing import FileSigner
from aimo.vectors.schemas import LEGACY_MULTIMODAL_DIMENSION
from aimo.vectors.store import VectorStore, s3_options

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Providers:
    """The outside services below the services; None for what is not configured."""

    chat: ChatModel | None
    ocr: TextRecognizer | None
    asr: SpeechRecognizer | None
    pictures: MultimodalEmbedder | None
    app_versions: AppVersionService

    async def close(self) -> None:
        """Release all connections."""
        for each in (self.chat, self.ocr, self.asr, self.pictures, self.app_versions):
            if each is not None:
                await each.close()


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
        signer = FileSigner(secret)
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
        if self._worker:
            await self.services.metrics_exporter.start()
            self._closing.add("metrics", self.services.metrics_exporter.stop)
        if self._scheduled:
            self._scheduler = create_scheduler(settings, self.stores, self.services)
            self._closing.add("scheduler", self._stop_scheduler)
        else:
            await self.begin()


def create_embedder(settings: Settings) -> Embedder:
    """Return the configured embedder (docs/decisions/25-settings-and-production.md)."""
    if settings.embedder_kind == "local":
        return LocalEmbedder()
    # Importing the SDK takes a second, which an offline installation need not wait for.
    from aimo.ai.openai_embedder import OpenAIEmbedder

    return OpenAIEmbedder(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        settings.openai_embedding_model,
        settings.openai_embedding_dimensions,
    )


def create_scheduler(settings: Settings, stores: Stores, services: ServiceSet) -> Scheduler:
    """Return what happens by itself in a server."""

    async def upkeep() -> None:
        # Two processes that compact the same tables would be in each other's way.
        if stores.sync.lease.held:
            try:
                await stores.vectors.optimize()
            except Exception:
                log.exception("nightly LanceDB upkeep failed")
            try:
                await services.sessions.forget_expired()
            except Exception:
                log.exception("expired sessions could not be removed, the next night tries again")
            await services.doctor.run()

    return Scheduler(
        LeaseRow(stores.database, "scheduler", seconds=10),
        services.pushes,
        upkeep,
        zone=settings.zone,
        upkeep_cron=settings.db_optimization_cron,
    )


def create_providers(settings: Settings) -> Providers:
    """Return the configured outside services; all that needs a key is None without one."""
    ocr_key = settings.zhipu_api_key.get_secret_value()
    asr_key = settings.fun_asr_api_key.get_secret_value() or settings.dashscope_api_key.get_secret_value()
    asr_offered = settings.fun_asr_enabled and asr_key and settings.fun_asr_base_url and settings.fun_asr_model
    return Providers(
        chat=create_chat(settings),
        ocr=ZhipuOcr(settings.zhipu_ocr_base_url, ocr_key) if ocr_key else None,
        asr=FunAsr(settings.fun_asr_base_url, asr_key, settings.fun_asr_model, settings.zone) if asr_offered else None,
        pictures=create_multimodal_embedder(settings),
        app_versions=AppVersionService(settings.github_api_url),
    )


def create_doctor(stores: Stores) -> Doctor:
    """Return who checks everything that docs/guarantees.md promises."""
    database, vectors, storage = stores.database, stores.vectors, stores.storage
    return Doctor(
        database,
        [
            MemoIndex(database, vectors, stores.embeddings),
            OrphanRows(database, vectors),
            SetAside(database),
            MemoTagLists(database),
            TagCounts(database),
            MissingFiles(database, storage),
            OrphanFiles(database, storage),
        ],
    )


def create_multimodal_embedder(settings: Settings) -> MultimodalEmbedder | None:
    """Return who embeds pictures and videos; None while that is switched off."""
    if not settings.multimodal_embedding_enabled:
        return None
    return DashScopeEmbedder(
        settings.dashscope_base_url,
        settings.dashscope_api_key.get_secret_value(),
        settings.multimodal_embedding_model,
        dimension=settings.multimodal_embedding_dimension,
        output_type=settings.multimodal_embedding_output_type,
        fps=settings.multimodal_embedding_video_fps,
    )


def create_chat(settings: Settings) -> ChatModel | None:
    """Return the configured chat model; None without a key."""
    key = settings.openai_api_key.get_secret_value()
    if not key:
        return None
    from aimo.ai.openai_chat import OpenAIChat

    return OpenAIChat(settings.openai_base_url, key, settings.openai_model)


def create_storage(settings: Settings, signer: FileSigner) -> Storage:
    """Return where attachments are kept. Beside a bucket, files that a local folder still has stay reachable."""
    local = LocalStorage(settings.attachments_dir, signer)
    if settings.attachment_storage_type == "local":
        return local
    bucket = configured_bucket(settings, settings.attachment_storage_type, signer)
    return LocalFallbackStorage(bucket, local) if settings.attachments_dir.is_dir() else bucket


def create_allowance(counters: Counters, name: str, per_hour: int, what: str, provider: object) -> Allowance:
    """Return how often a user may have a provider called; as often as they like at 0, and without a provider."""
    return HourlyAllowance(counters, name, per_hour, what) if per_hour and provider else Unlimited()


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


def build_services(settings: Settings, stores: Stores, tokens: Tokens) -> ServiceSet:
    """Return the services on top of opened stores."""
    database, sync = stores.database, stores.sync
    urls = FileUrls(stores.storage, settings.attachment_presigned_url_expiry)
    views = MemoPresenter(urls)
    counters = Counters(database, signing_secret(settings))
    sessions = SessionService(database, tokens)
    allowance = partial(create_allowance, counters)
    accounts = AccountService(
        database,
        sessions,
        stores.storage,
        urls,
        limits=RateLimiter(counters, enabled=settings.rate_limit),
        zone=settings.zone,
        allow_registration=settings.allow_registration,
        password_rules=settings.password_rules,
    )
    attachments = AttachmentService(
        database,
        stores.storage,
        urls,
        sync,
        zone=settings.zone,
        blocked_types=settings.blocked_types,
        quota=settings.user_storage_quota,
        pictures=allowance("pictures-user", settings.user_pictures_per_hour, "pictures", stores.providers.pictures),
    )
    channels = create_channels(settings)
    chat = stores.providers.chat
    recommendations = RecommendationService(database, views, chat, settings.zone)
    content = PushContent(database, recommendations, zone=settings.zone, url=settings.public_url)
    # Transcriptions of hours of speech are long.
    outbound = OutboundClient(settings.outbound_allow, seconds=30, most_bytes=64 * 1024 * 1024)
    search = SearchService(database, views, stores.vectors, stores.embeddings)
    retriever = Retriever(database, stores.vectors, stores.embeddings, search)
    return ServiceSet(
        settings=settings,
        database=database,
        storage=stores.storage,
        tokens=tokens,
        sessions=sessions,
        accounts=accounts,
        categories=CategoryService(database),
        tags=TagService(database),
        attachments=attachments,
        memos=MemoService(database, views, stores.embeddings, sync, max_size=settings.max_memo_size),
        lists=MemoLists(database, views, stores.vectors.memo_texts, urls),
        push_rules=PushRuleService(database, channels),
        pushes=DeliveryRounds(database, channels, content),
        search=search,
        explore=ExploreService(
            database, retriever, chat, allowance("explore-user", settings.user_explore_per_hour, "questions", chat)
        ),
        graph=RelationGraph(database, stores.vectors, stores.embeddings),
        conversations=ConversationService(database),
        tag_suggestions=TagSuggestions(
            database,
            search,
            stores.vectors.memo_vectors,
            chat,
            allowance("tags-user", settings.user_tags_per_hour, "tag suggestions", chat),
        ),
        insights=InsightService(database, settings.zone),
        recommendations=recommendations,
        ocr=OcrService(
            {"zhipu": stores.providers.ocr},
            outbound,
            OwnFileReader(stores.storage, stores.signer),
            allowance("ocr-user", settings.user_ocr_per_hour, "recognized files", stores.providers.ocr),
            enabled=settings.ocr_enabled,
            default_provider=settings.ocr_default_provider,
        ),
        asr=AsrService(
            stores.providers.asr,
            outbound,
            TaskOwners(database),
            allowance("asr-user", settings.user_asr_per_hour, "recognized recordings", stores.providers.asr),
        ),
        app_versions=stores.providers.app_versions,
        table_browser=TableBrowser(database, stores.vectors),
        sync=sync,
        metrics_exporter=MetricsExporter(database, stores.vectors, sync),
        doctor=create_doctor(stores),
    )
