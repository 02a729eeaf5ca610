"""All services together. Apart from the handlers that use them, so that a command need not load the web framework."""

from __future__ import annotations

from dataclasses import dataclass

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.services.accounts import AccountService
from aimo.services.app_versions import AppVersionService
from aimo.services.asr import AsrService
from aimo.services.attachments import AttachmentService
from aimo.services.categories import CategoryService
from aimo.services.conversations import ConversationService
from aimo.services.doctor.doctor import Doctor
from aimo.services.explore.answers import ExploreService
from aimo.services.explore.graph import RelationGraph
from aimo.services.figures import Figures
from aimo.services.insights import InsightService
from aimo.services.inspection import InspectionService
from aimo.services.memo_lists import MemoLists
from aimo.services.memos import MemoService
from aimo.services.ocr import OcrService
from aimo.services.push_rounds import PushRounds
from aimo.services.push_rules import PushRuleService
from aimo.services.recommendations import RecommendationService
from aimo.services.search import SearchService
from aimo.services.sessions import SessionService
from aimo.services.sync.service import SyncService
from aimo.services.tag_suggestions import TagSuggestions
from aimo.services.tags import TagService
from aimo.services.tokens import Tokens
from aimo.storage.protocol import Storage


@dataclass(frozen=True)
class ServiceSet:
    """Every service, opened; `aimo.runtime` decides what is inside."""

    settings: Settings
    database: Database
    storage: Storage
    tokens: Tokens
    sessions: SessionService
    accounts: AccountService
    categories: CategoryService
    tags: TagService
    attachments: AttachmentService
    memos: MemoService
    lists: MemoLists
    search: SearchService
    explore: ExploreService
    graph: RelationGraph
    conversations: ConversationService
    tag_suggestions: TagSuggestions
    insights: InsightService
    recommendations: RecommendationService
    ocr: OcrService
    asr: AsrService
    app_versions: AppVersionService
    inspection: InspectionService
    push_rules: PushRuleService
    pushes: PushRounds
    sync: SyncService
    figures: Figures
    doctor: Doctor
