"""The ASGI application: Litestar's routes inside the edge layers."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from aimo.http.auth import Sessions
from aimo.http.controllers.access_tokens import AccessTokenController
from aimo.http.controllers.ai import AIController
from aimo.http.controllers.asr import AsrController
from aimo.http.controllers.attachments import AttachmentController, MachineAttachmentController
from aimo.http.controllers.auth import AuthController
from aimo.http.controllers.categories import CategoryController
from aimo.http.controllers.debug import DebugController
from aimo.http.controllers.docs import DocsController
from aimo.http.controllers.explore import ConversationController, ExploreController
from aimo.http.controllers.export import ExportController
from aimo.http.controllers.health import HealthController
from aimo.http.controllers.insights import InsightController
from aimo.http.controllers.memos import MemoController
from aimo.http.controllers.metrics import MetricsController
from aimo.http.controllers.notifications import NotificationController
from aimo.http.controllers.ocr import OcrController
from aimo.http.controllers.public_memos import MachineMemoController, PublicMemoController, PublicPrefixController
from aimo.http.controllers.push_rules import PushRuleController
from aimo.http.controllers.repetition import RepetitionController
from aimo.http.controllers.reviews import ReviewController
from aimo.http.controllers.sessions import SessionController
from aimo.http.controllers.system import OpenSystemController, SystemController
from aimo.http.controllers.tags import TagController
from aimo.http.controllers.trash import TrashController
from aimo.http.controllers.user_models import FeatureConfigController, UserModelController
from aimo.http.controllers.users import UserController
from aimo.http.dependencies import Services, provide_query, provide_services, provide_user
from aimo.http.edge.middleware import Edge, build_middleware
from aimo.http.edge.route_table import RouteTable
from aimo.http.input.senders import Senders
from aimo.http.input.text_validation import require_usable_body
from aimo.http.output import openapi
from aimo.http.output.envelope import EXCEPTION_HANDLERS
from aimo.services.attachments.thumbnails import SHOW_SIZES
from aimo.storage.signing import FileSigner

CONTROLLERS: list[ControllerRouterHandler] = [
    HealthController,
    MetricsController,
    DocsController,
    AuthController,
    UserController,
    SessionController,
    AccessTokenController,
    CategoryController,
    TagController,
    AttachmentController,
    MachineAttachmentController,
    MemoController,
    TrashController,
    RepetitionController,
    NotificationController,
    MachineMemoController,
    PublicMemoController,
    PublicPrefixController,
    ExploreController,
    ConversationController,
    AIController,
    InsightController,
    ExportController,
    SystemController,
    OpenSystemController,
    OcrController,
    AsrController,
    DebugController,
    PushRuleController,
    ReviewController,
    UserModelController,
    FeatureConfigController,
]

DEPENDENCIES = {
    "services": Provide(provide_services),
    "user": Provide(provide_user),
    "params": Provide(provide_query),
}


async def _before(request: Request[Any, Any, Any]) -> None:
    SHOW_SIZES.set("picture-sizes" in request.headers.get("prefer", "").lower())
    require_usable_body(request.scope)  # type: ignore[arg-type]


def create_api(services: Services) -> Litestar:
    """Return the routes alone, without what surrounds them."""
    prefix = services.settings.public_path
    document = openapi.DocumentOnDemand(lambda: openapi.document(CONTROLLERS, DEPENDENCIES, prefix=prefix))
    return Litestar(
        route_handlers=CONTROLLERS,
        state=State({"services": services, "document": document}),
        dependencies=DEPENDENCIES,
        before_request=_before,
        exception_handlers=dict(EXCEPTION_HANDLERS),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )


def create_app(services: Services, signer: FileSigner) -> Edge:
    """Return the whole application."""
    api = create_api(services)
    settings = services.settings
    routes = RouteTable.of(api)
    return build_middleware(
        api,  # type: ignore[arg-type]
        routes=routes,
        authentication=lambda inner: Sessions(
            inner,
            tokens=services.tokens,
            sessions=services.sessions,
            access_tokens=services.access_tokens,
            routes=routes,
            proxies=settings.proxies,
            machine_token=settings.machine_token,
        ),
        storage=services.storage,
        signer=signer,
        max_body_size=settings.max_body_size,
        proxies=settings.proxies,
        https=settings.public_url.startswith("https://"),
        senders=Senders(public_url=settings.public_url, listed=settings.trusted_origins, proxies=settings.proxies),
        web_folder=settings.aimo_web_dir,
        web_any_styles=settings.aimo_web_inline_styles,
        prefix=settings.public_path,
    )
