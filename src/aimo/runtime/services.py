"""Builds the services on top of opened stores."""

from __future__ import annotations

from functools import partial

from aimo.config import Settings
from aimo.outbound import OutboundClient
from aimo.push.channels import create_channels
from aimo.runtime.stores import Stores
from aimo.services.accounts.access_tokens import AccessTokenService
from aimo.services.accounts.provider_allowances import Allowance, Allowances, HourlyAllowance, Unlimited
from aimo.services.accounts.rate_limit_counters import Counters
from aimo.services.accounts.rate_limits import RateLimiter
from aimo.services.accounts.service import AccountService
from aimo.services.accounts.sessions import SessionService
from aimo.services.accounts.tokens import Tokens
from aimo.services.ahead_times import AheadTimes
from aimo.services.attachments.file_urls import FileUrls
from aimo.services.attachments.service import AttachmentService
from aimo.services.attachments.thumbnails import Thumbnails
from aimo.services.doctor.doctor import Doctor
from aimo.services.doctor.memo_index import MemoIndex
from aimo.services.doctor.memo_tags import MemoTagLists
from aimo.services.doctor.model_keys import ReadableModelKeys
from aimo.services.doctor.orphans import OrphanRows
from aimo.services.doctor.set_aside import SetAside
from aimo.services.doctor.stored_files import MissingFiles, OrphanFiles
from aimo.services.doctor.stored_times import StoredTimes
from aimo.services.doctor.tag_counts import TagCounts
from aimo.services.explore.answers import ExploreService
from aimo.services.explore.conversations import ConversationService
from aimo.services.explore.relation_graph import RelationGraph
from aimo.services.explore.retriever import Retriever
from aimo.services.export.service import ExportService
from aimo.services.idempotency import RepeatedRequests
from aimo.services.insights.recommendations import RecommendationService
from aimo.services.insights.service import InsightService
from aimo.services.memos.categories import CategoryService
from aimo.services.memos.changes import MemoChangeService
from aimo.services.memos.lists import MemoLists
from aimo.services.memos.memo_presenter import MemoPresenter
from aimo.services.memos.repeated_changes import MemoRequests
from aimo.services.memos.service import MemoService
from aimo.services.memos.tag_suggestions import TagSuggestions
from aimo.services.memos.tags import TagService
from aimo.services.models.chat_models import ChatModels
from aimo.services.models.key_cipher import KeyCipher
from aimo.services.models.service import UserModelService
from aimo.services.operations.metrics_exporter import MetricsExporter
from aimo.services.operations.table_browser import TableBrowser
from aimo.services.operations.write_probe import WriteProbe
from aimo.services.push.delivery_rounds import DeliveryRounds
from aimo.services.push.message_content import PushContent
from aimo.services.push.rules import PushRuleService
from aimo.services.recognition.asr import AsrService
from aimo.services.recognition.ocr import OcrService
from aimo.services.recognition.own_file_reader import OwnFileReader
from aimo.services.recognition.speech_task_owners import TaskOwners
from aimo.services.registry import ServiceSet
from aimo.services.repetition.notifications import NotificationService
from aimo.services.repetition.reminders import Reminders
from aimo.services.repetition.rules import RepetitionRules
from aimo.services.repetition.service import RepetitionService
from aimo.services.reviews.profiles import ReviewProfileService
from aimo.services.reviews.service import ReviewService
from aimo.services.search.service import SearchService
from aimo.services.trash.retention import TrashRetention
from aimo.services.trash.service import TrashService
from aimo.signing_secret import signing_secret

# More than anybody needs to set up a model; each costs a request to an address of the user's choice.
_TESTS_PER_HOUR = 60


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
    memos = MemoService(database, views, stores.embeddings, sync, zone=settings.zone, max_size=settings.max_memo_size)
    lists = MemoLists(database, views, stores.vectors.memo_texts, urls)
    repeated_requests = RepeatedRequests(database)
    trash = TrashService(database, views, attachments, sync)
    channels = create_channels(settings)
    chat = stores.providers.chat
    recommendations = RecommendationService(database, views, chat, settings.zone)
    content = PushContent(database, recommendations, zone=settings.zone, url=settings.public_url)
    # Transcriptions of hours of speech are long.
    outbound = OutboundClient(settings.outbound_allow, seconds=30, most_bytes=64 * 1024 * 1024)
    search = SearchService(database, views, stores.vectors, stores.embeddings)
    # Addresses of models are judged by the same rules, and called by a client library.
    to_models = OutboundClient(settings.outbound_allow)
    keys = KeyCipher(signing_secret(settings))
    chat_models = ChatModels(database, chat, to_models, keys)
    own = allowance("own-models-user", settings.user_own_models_per_hour, "calls of one's own models", chat_models)
    tests = allowance("model-tests-user", _TESTS_PER_HOUR if settings.rate_limit else 0, "tests of models", chat_models)
    retriever = Retriever(database, stores.vectors, stores.embeddings, search)
    return ServiceSet(
        settings=settings,
        database=database,
        storage=stores.storage,
        tokens=tokens,
        sessions=sessions,
        access_tokens=AccessTokenService(database),
        accounts=accounts,
        categories=CategoryService(database),
        tags=TagService(database),
        attachments=attachments,
        thumbnails=Thumbnails(database, stores.storage),
        memos=memos,
        memo_requests=MemoRequests(memos, repeated_requests),
        memo_changes=MemoChangeService(database, lists, views),
        repeated_requests=repeated_requests,
        lists=lists,
        push_rules=PushRuleService(database, channels),
        pushes=DeliveryRounds(database, channels, content),
        search=search,
        explore=ExploreService(
            database,
            retriever,
            chat_models,
            Allowances(allowance("explore-user", settings.user_explore_per_hour, "questions", chat), own),
        ),
        graph=RelationGraph(database, stores.vectors, stores.embeddings),
        conversations=ConversationService(database),
        tag_suggestions=TagSuggestions(
            database,
            search,
            stores.vectors.memo_vectors,
            chat_models,
            Allowances(allowance("tags-user", settings.user_tags_per_hour, "tag suggestions", chat), own),
        ),
        trash=trash,
        repetition=RepetitionService(database, settings.zone),
        repetition_rules=RepetitionRules(database),
        reminders=Reminders(
            database,
            channels,
            zone=settings.zone,
            url=settings.public_url,
            push=settings.spaced_repetition_push,
        ),
        notifications=NotificationService(database),
        trash_retention=TrashRetention(database, trash, days=settings.trash_retention_days),
        exports=ExportService(database, stores.storage, zone=settings.zone),
        ahead_times=AheadTimes(database),
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
        user_models=UserModelService(database, to_models, keys, tests),
        review_profiles=ReviewProfileService(database, chat_models),
        reviews=ReviewService(
            database,
            chat_models,
            stores.embeddings,
            Allowances(
                allowance("review-user", settings.user_reviews_per_hour, "review questions and answers", chat), own
            ),
            settings.zone,
        ),
        sync=sync,
        metrics_exporter=MetricsExporter(database, stores.vectors, sync),
        write_probe=WriteProbe(database),
        doctor=create_doctor(stores, keys),
    )


def create_doctor(stores: Stores, keys: KeyCipher) -> Doctor:
    """Return who checks everything that docs/guarantees.md promises."""
    database, vectors, storage = stores.database, stores.vectors, stores.storage
    return Doctor(
        database,
        [
            MemoIndex(database, vectors, stores.embeddings),
            OrphanRows(database, vectors),
            SetAside(database),
            StoredTimes(database),
            MemoTagLists(database),
            TagCounts(database),
            MissingFiles(database, storage),
            OrphanFiles(database, storage),
            ReadableModelKeys(database, keys),
        ],
    )


def create_allowance(counters: Counters, name: str, per_hour: int, what: str, provider: object) -> Allowance:
    """Return how often a user may have a provider called; as often as they like at 0, and without a provider."""
    return HourlyAllowance(counters, name, per_hour, what) if per_hour and provider else Unlimited()
