"""Chat models of users, and what they have chosen them for (docs/contract/user-models.md)."""

from __future__ import annotations

import structlog
from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import UNSET, Envelope
from aimo.dto.user_models import (
    ModelTest,
    TagModel,
    TagModelBody,
    UserModel,
    UserModelBody,
    UserModelDeleted,
    UserModelList,
)
from aimo.errors import AimoError, Code, RateLimitExceeded
from aimo.http.cancel_on_disconnect import run_until_disconnect
from aimo.http.dependencies import AnyRequest, PathText, Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, patch, post, put

log = structlog.get_logger(__name__)


class UserModelController(Controller):
    """A user's models."""

    path = "/api/v1/user-models"
    tags = ("Models",)

    @get("/", summary="List one's models")
    async def fetch_all(self, services: Services, user: User) -> Envelope[UserModelList]:
        """Return all models, oldest first; keys are masked."""
        return ok(UserModelList(models=await services.user_models.all(user.uid)))

    @get("/{model_id:str}", summary="Read a model")
    async def fetch(self, model_id: PathText, services: Services, user: User) -> Envelope[UserModel]:
        """Return one model; its key is masked."""
        return ok(await services.user_models.get(user.uid, model_id))

    @post("/", summary="Add a model")
    async def create(self, data: JSONBody[UserModelBody], services: Services, user: User) -> Envelope[UserModel]:
        """Add a model; its key is encrypted."""
        return ok(await services.user_models.create(user.uid, data))

    @put("/{model_id:str}", summary="Change a model")
    async def update(
        self, model_id: PathText, data: JSONBody[UserModelBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[UserModel]:
        """Change what the body names; a key equal to the mask stays."""
        if not await request.json():
            await services.user_models.get(user.uid, model_id)
            raise AimoError(Code.PARAMS_ERROR, "No fields to update")
        return ok(await services.user_models.update(user.uid, model_id, data))

    @delete("/{model_id:str}", summary="Remove a model")
    async def remove(self, model_id: PathText, services: Services, user: User) -> Envelope[UserModelDeleted]:
        """Remove a model; what it was chosen for falls back to the server's."""
        await services.user_models.delete(user.uid, model_id)
        return ok(UserModelDeleted())

    @patch("/{model_id:str}/set-default", summary="Prefer a model")
    async def set_default(self, model_id: PathText, services: Services, user: User) -> Envelope[UserModel]:
        """Prefer this model, and no other."""
        return ok(await services.user_models.set_default(user.uid, model_id))

    @post("/test", summary="Try a model", opt={"limited": True})
    async def test(
        self, data: JSONBody[UserModelBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[ModelTest]:
        """Ask a model for an answer. Why there is none is in `data`, too, which clients show."""
        try:
            return ok(await run_until_disconnect(request, services.user_models.test(user.uid, data)))
        except RateLimitExceeded:
            raise
        except AimoError as error:
            return Envelope(error.code, error.message, ModelTest(success=False, message=error.message))


class FeatureConfigController(Controller):
    """What a user has chosen models for."""

    path = "/api/v1/user-feature-configs"
    tags = ("Models",)

    @get("/tag-model", summary="Read which model suggests tags")
    async def tag_model(self, services: Services, user: User) -> Envelope[TagModel]:
        """Return the chosen model; null for the server's."""
        return ok(TagModel(user_model_id=await services.user_models.tag_model(user.uid)))

    @put("/tag-model", summary="Choose which model suggests tags")
    async def choose_tag_model(
        self, data: JSONBody[TagModelBody], services: Services, user: User
    ) -> Envelope[TagModel]:
        """Let one of the user's models suggest tags, or the server's."""
        if data.user_model_id is UNSET:
            raise AimoError(Code.PARAMS_ERROR, "userModelId must be a string or null")
        chosen = await services.user_models.choose_tag_model(user.uid, data.user_model_id)
        return ok(TagModel(user_model_id=chosen))
