"""All services together. Apart from the handlers that use them, so that a command need not load the web framework."""

from __future__ import annotations

from dataclasses import dataclass

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.services.accounts.access_tokens import AccessTokenService
from aimo.services.accounts.service import AccountService
from aimo.services.accounts.sessions import SessionService
from aimo.services.accounts.tokens import Tokens
from aimo.services.ahead_times import AheadTimes
from aimo.services.attachments.service import AttachmentService
from aimo.services.attachments.thumbnails import Thumbnails
from aimo.services.doctor.doctor import Doctor
from aimo.services.explore.answers import ExploreService
from aimo.services.explore.conversations import ConversationService
from aimo.services.explore.relation_graph import RelationGraph
from aimo.services.export.service import ExportService
from aimo.services.idempotency import RepeatedRequests
from aimo.services.insights.recommendations import RecommendationService
from aimo.services.insights.service import InsightService
from aimo.services.memos.categories import CategoryService
from aimo.services.memos.changes import MemoChangeService
from aimo.services.memos.lists import MemoLists
from aimo.services.memos.repeated_changes import MemoRequests
from aimo.services.memos.service import MemoService
from aimo.services.memos.tag_suggestions import TagSuggestions
from aimo.services.memos.tags import TagService
from aimo.services.models.service import UserModelService
from aimo.services.operations.app_versions import AppVersionService
from aimo.services.operations.metrics_exporter import MetricsExporter
from aimo.services.operations.table_browser import TableBrowser
from aimo.services.operations.write_probe import WriteProbe
from aimo.services.push.delivery_rounds import DeliveryRounds
from aimo.services.push.rules import PushRuleService
from aimo.services.recognition.asr import AsrService
from aimo.services.recognition.ocr import OcrService
from aimo.services.repetition.notifications import NotificationService
from aimo.services.repetition.reminders import Reminders
from aimo.services.repetition.rules import RepetitionRules
from aimo.services.repetition.service import RepetitionService
from aimo.services.reviews.profiles import ReviewProfileService
from aimo.services.reviews.service import ReviewService
from aimo.services.search.service import SearchService
from aimo.services.sync.service import SyncService
from aimo.services.trash.retention import TrashRetention
from aimo.services.trash.service import TrashService
from aimo.storage.protocol import Storage


@dataclass(frozen=True)
class ServiceSet:
    """Every service, opened; `aimo.runtime` decides what is inside."""

    settings: Settings
    database: Database
    storage: Storage
    tokens: Tokens
    sessions: SessionService
    access_tokens: AccessTokenService
    accounts: AccountService
    categories: CategoryService
    tags: TagService
    attachments: AttachmentService
    thumbnails: Thumbnails
    memos: MemoService
    memo_requests: MemoRequests
    memo_changes: MemoChangeService
    repeated_requests: RepeatedRequests
    lists: MemoLists
    search: SearchService
    explore: ExploreService
    graph: RelationGraph
    conversations: ConversationService
    tag_suggestions: TagSuggestions
    trash: TrashService
    repetition: RepetitionService
    repetition_rules: RepetitionRules
    reminders: Reminders
    notifications: NotificationService
    trash_retention: TrashRetention
    ahead_times: AheadTimes
    insights: InsightService
    exports: ExportService
    recommendations: RecommendationService
    ocr: OcrService
    asr: AsrService
    app_versions: AppVersionService
    table_browser: TableBrowser
    push_rules: PushRuleService
    pushes: DeliveryRounds
    review_profiles: ReviewProfileService
    reviews: ReviewService
    user_models: UserModelService
    sync: SyncService
    metrics_exporter: MetricsExporter
    write_probe: WriteProbe
    doctor: Doctor
