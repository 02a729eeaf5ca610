"""Models of users on the wire (docs/contract/user-models.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType

_ADDRESS = "Base URL of the interface; needed for `other`, else the provider's own when absent."
_KEY = "The key; the mask of the stored one stands for it."


class UserModel(Dto):
    """A chat model that a user brought."""

    id: Annotated[str, Meta(description="Id of the model.")]
    user_id: Annotated[str, Meta(description="Its owner.")]
    name: Annotated[str, Meta(description="What its owner calls it.")]
    provider: Annotated[str, Meta(description="`openai`, `deepseek`, `openrouter` or `other`.")]
    api_key: Annotated[str, Meta(description="A mask: `••••` and the last four characters of a long key.")]
    model_name: Annotated[str, Meta(description="What the provider calls the model.")]
    is_default: Annotated[bool, Meta(description="Whether its owner prefers it; it is never used by itself.")]
    created_at: Annotated[str, Meta(description="When it was added, ISO 8601 in UTC.")]
    updated_at: Annotated[str, Meta(description="When it was last changed, ISO 8601 in UTC.")]
    api_base_url: Annotated[
        str | UnsetType, Meta(description="Base URL of the interface; absent where the provider's own is meant.")
    ] = UNSET


class UserModelBody(Dto):
    """What a model is made of or changed by; a change names only what it changes."""

    name: Annotated[object | UnsetType, Meta(description="What its owner calls it; trimmed.")] = UNSET
    provider: Annotated[
        object | UnsetType, Meta(description="`openai`, `deepseek`, `openrouter` or `other`; required.")
    ] = UNSET
    api_base_url: Annotated[object | UnsetType, Meta(description=_ADDRESS)] = UNSET
    api_key: Annotated[object | UnsetType, Meta(description=_KEY)] = UNSET
    model_name: Annotated[object | UnsetType, Meta(description="What the provider calls the model; trimmed.")] = UNSET
    is_default: Annotated[object | UnsetType, Meta(description="Whether its owner prefers it.")] = UNSET


class UserModelList(Dto):
    """All models of a user."""

    models: Annotated[list[UserModel], Meta(description="The models, oldest first.")]


class UserModelDeleted(Dto):
    """That a model was deleted."""

    deleted: Annotated[bool, Meta(description="Always true.")] = True


class ModelTest(Dto):
    """What came of trying a model."""

    success: Annotated[bool, Meta(description="Whether it answered.")]
    message: Annotated[str, Meta(description="A sentence about it.")]
    response: Annotated[str | UnsetType, Meta(description="What it answered; absent where it did not.")] = UNSET


class TagModel(Dto):
    """Which model suggests tags."""

    user_model_id: Annotated[str | None, Meta(description="One of the user's models; null for the server's.")]


class TagModelBody(Dto):
    """Which model is to suggest tags."""

    user_model_id: Annotated[
        object | UnsetType, Meta(description="One of the user's models; null for the server's. Required.")
    ] = UNSET
