"""What handlers are given: the services, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromPath

from aimo.config import Settings
from aimo.db.connection import Database
from aimo.http.query import Query
from aimo.services.accounts import AccountService, Identity
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
from aimo.services.paging import PageRequest
from aimo.services.push_rounds import PushRounds
from aimo.services.push_rules import PushRuleService
from aimo.services.recommendations import RecommendationService
from aimo.services.search import SearchService
from aimo.services.sync.service import SyncService
from aimo.services.tag_suggestions import TagSuggestions
from aimo.services.tags import TagService
from aimo.services.tokens import Tokens
from aimo.storage.protocol import Storage

AnyRequest = Request[Any, Any, State]


@dataclass(frozen=True)
class ServiceSet:
    """Every service, opened; `aimo.runtime` decides what is inside."""

    settings: Settings
    database: Database
    storage: Storage
    tokens: Tokens
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


# What handlers name the types of their arguments by; the functions below provide them.
Services = NamedDependency[ServiceSet]
User = NamedDependency[Identity]
Params = NamedDependency[Query]
PathText = FromPath[str]

# Litestar resolves dependencies that do not ask for each other in tasks of their own, which costs a tenth of a
# millisecond a request. So each of these asks for the one before.


async def provide_services(state: State) -> ServiceSet:
    """The services of this application."""
    services: ServiceSet = state.services
    return services


async def provide_user(request: AnyRequest, params: Params) -> Identity:
    """Who is asking; the unauthorized envelope for nobody, on the paths that let nobody in."""
    user = request.scope.get("user")
    if not isinstance(user, Identity):
        raise NotAuthorizedException
    return user


async def provide_query(request: AnyRequest, services: Services) -> Query:
    """The query parameters."""
    return Query(request.scope["query_string"])


def page_request(params: Query, limit: int) -> PageRequest:
    """The page that the query asks for; ``limit`` is the default."""
    return PageRequest(params.number("page", 1), params.number("limit", limit))
