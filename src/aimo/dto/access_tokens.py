"""Personal access tokens on the wire (docs/contract/access-tokens.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class AccessToken(Dto):
    """A personal access token, without its value."""

    id: Annotated[str, Meta(description="Id of the token.")]
    name: Annotated[str, Meta(description="What its owner calls it.")]
    scopes: Annotated[list[str], Meta(description="What it may do.")]
    created_at: Annotated[int, Meta(description="When it was created, epoch milliseconds.")]
    expires_at: Annotated[int | None, Meta(description="When it ends by itself; null where it does not.")]
    last_used_at: Annotated[
        int | None, Meta(description="When it was last used, give or take 15 minutes; null until it is.")
    ]


class AccessTokenList(Dto):
    """A user's personal access tokens."""

    tokens: Annotated[list[AccessToken], Meta(description="The newest first; at most 50.")]


class AccessTokenBody(Dto):
    """What a token is created with."""

    name: Annotated[object | UnsetType, Meta(description="What its owner calls it, 1 to 100 characters.")] = UNSET
    scopes: Annotated[
        object | UnsetType,
        Meta(description="Any of `memos:read`, `memos:write`, `memos:delete`, `ai` and `export`; at least one."),
    ] = UNSET
    expires_in_days: Annotated[
        object | UnsetType, Meta(description="1 to 3650; 90 when absent, and null for a token that does not expire.")
    ] = UNSET


class AccessTokenCreated(Dto):
    """A new token, and the only sight of its value."""

    token: Annotated[AccessToken, Meta(description="The token.")]
    value: Annotated[str, Meta(description="What goes into `Authorization: Bearer …`; it cannot be read again.")]
